/** For the end of every command's description; in the stand-alone program's help it is the last line. */
export const EXIT_CODES_HELP = 'Exit codes: 0 done, 1 failed, 2 usage, 3 findings, 4 cancelled, 130 interrupted';
