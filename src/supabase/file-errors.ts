/** The `code` of a Node error (`ENOENT`, ...), if it has one. */
export function errorCode(error: unknown): string | undefined {
  // Not `instanceof Error`: Node's own errors are of another realm where our code runs in a vm context, as in tests.
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'something of that name exists already',
  EISDIR: 'it is a folder',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a file is in the way, where a folder is needed',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

/** Why a file operation failed, as the end of a sentence, without the path that Node repeats in its own text. */
export function reasonOf(error: unknown): string {
  const code = errorCode(error);
  return (code === undefined ? undefined : REASONS[code]) ?? code ?? 'unknown reason';
}
