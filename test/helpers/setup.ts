import console from 'node:console';
import './own-stack.cjs';

// Jest's own console puts a stack trace under every line, which would end up in the output that tests compare.
globalThis.console = console;
