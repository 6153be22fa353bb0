import pgpass from 'pgpass';

/**
 * @param target where to connect to, as whom
 * @returns the password that libpq's passfile (PGPASSFILE, else ~/.pgpass) has for it, or null
 */
export async function passfilePassword(target: {
  host: string;
  port: number;
  database: string;
  user: string;
}): Promise<string | null> {
  return new Promise((resolve) => {
    pgpass(target, (password) => resolve(password ?? null));
  });
}
