/** What oclif's parser says about what was typed, in plain words. Only the message tells its errors apart. */
const MESSAGES: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^Nonexistent flags?: (.*)$/, (flags) => `Unknown ${flags.includes(', ') ? 'flags' : 'flag'}: ${flags}`],
  [/^Unexpected arguments?: (.*)$/, (args) => `Unexpected ${args.includes(', ') ? 'arguments' : 'argument'}: ${args}`],
  [/^Flag (--\S+) expects one of these values: (.*)$/, (flag, options) => `${flag} needs a value: ${either(options)}.`],
  [/^Flag (--\S+) expects a value$/, (flag) => `${flag} needs a value.`],
  [/^Flag (--\S+) can only be specified once$/, (flag) => `${flag} is given twice.`],
  [/^Missing required flag (\S+)$/, (flag) => `--${flag} is required.`],
  [
    /^(?:Parsing (--\S+) )?Expected an integer greater than or equal to (\S+) but received: (.*)$/,
    (flag, least, given) => `${subject(flag)} must be ${least} or more, not ${given}.`,
  ],
  [
    /^(?:Parsing (--\S+) )?Expected an integer less than or equal to (\S+) but received: (.*)$/,
    (flag, most, given) => `${subject(flag)} must be ${most} or less, not ${given}.`,
  ],
  [
    /^(?:Parsing (--\S+) )?Expected an integer but received: (.*)$/,
    (flag, given) => `${subject(flag)} must be a whole number, not "${given}".`,
  ],
  [
    /^Expected (--[^=]+)=(.*) to be one of: (.*)$/,
    (flag, given, options) => `${flag} must be ${either(options)}, not "${given}".`,
  ],
  [/^Expected (.*) to be one of: (.*)$/, (given, options) => `"${given}" must be ${either(options)}.`],
  // The value of a flag may be a secret, and says nothing here.
  [
    /^(--[^=\s]+)(?:=.*)? cannot also be provided when using (--\S+)$/,
    (flag, other) => `${other} and ${flag} cannot be used together.`,
  ],
  [/^All of the following must be provided when using (--[^:]+): (.*)$/, (flag, others) => `${flag} needs ${others}.`],
  [
    /^One of the following must be provided when using (--[^:]+): (.*)$/,
    (flag, others) => `${flag} needs one of ${others}.`,
  ],
  [
    /^(?:Exactly|At least) one of the following must be provided: (.*)$/,
    (flags) => `One of these is needed: ${flags}.`,
  ],
];

function subject(flag: string): string {
  return flag === '' ? 'The argument' : flag;
}

/** "a, b, c" as "a, b or c". */
function either(options: string): string {
  return options.replace(/, ([^,]*)$/, ' or $1');
}

/**
 * @param message what the parser says, on one line
 * @param args the arguments that are missing, if it says so
 */
export function usageMessage(message: string, args: readonly unknown[] = []): string {
  if (/^Missing \d+ required arg/.test(message)) return missing(args);
  const text = message.replace(/^The following errors? occurred: /, '');
  for (const [pattern, words] of MESSAGES) {
    const found = pattern.exec(text);
    if (found !== null) return words(...found.slice(1).map((part: string | undefined) => part ?? ''));
  }

  return text;
}

function missing(args: readonly unknown[]): string {
  const named = (args as {name: string; description?: string}[]).map(
    ({name, description}) => `<${name}>${description === undefined ? '' : ` (${description.replace(/\.$/, '')})`}`,
  );
  return `Missing argument${named.length === 1 ? '' : 's'}: ${named.join(', ')}.`;
}
