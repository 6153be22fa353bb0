// What test/commands/smoke.test.ts shows as text is shown as JSON, and the other way about.
process.env['SUPASESSION_THOROUGH'] = '1';
await import('../helpers/command.js');
await import('../commands/smoke.test.js');

export {};
