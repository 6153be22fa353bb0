import {SupasessionError} from '../errors.js';
import type {Link} from '../supabase/link.js';
import type {LoginRole} from '../supabase/management-api.js';
import type {Login, Target, TlsMode} from '../types.js';

/** The target flags as they were given; at most one of them. */
export interface TargetFlags {
  local?: boolean | undefined;
  linked?: boolean | undefined;
  dbUrl?: string | undefined;
  /** `--stack`: a local stack by its name. */
  stack?: string | undefined;
  /** `--remote=<ref>`: a project that need not be the linked one. */
  projectRef?: string | undefined;
}

export interface TargetContext {
  env: NodeJS.ProcessEnv;
  /** Port of the local database, from the project's configuration; called only for a local target. */
  localPort: () => Promise<number>;
  /** URL of the project's local stack, or why there is none; null if its projects do not use stacks. Called only for a local target. */
  stack?: (name: string | undefined) => Promise<string | SupasessionError | null>;
  /** Link state of the project for a reference (or the linked one); called only for a linked target. */
  link: (projectRef?: string) => Promise<Link | undefined>;
  /** A password from the passfile, or null. */
  passfile: (target: {host: string; port: number; database: string; user: string}) => Promise<string | null>;
  /** Has the platform make a login role for a short time; null if no access token is to be had. */
  loginRole: (projectRef: string) => Promise<LoginRole | null>;
  /** Asks for a password; null if there is no terminal to ask on. */
  askPassword: (question: string) => Promise<string | null>;
}

const TLS_MODES: readonly TlsMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** Platform hosts always encrypt: a connection without TLS would reach somebody in between. */
const HOSTED = /\.(supabase\.(co|com|net|red)|pooler\.supabase\.com)$/;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function once<T>(get: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => (value ??= get());
}

interface Where {
  host: string;
  port: number;
  database: string;
  user: string;
}

/** The first that is there: given, PGPASSWORD, the passfile, an answer. Looked for once, and only when the server asks. */
function urlLogin(where: Where, given: string, context: TargetContext): () => Promise<Login> {
  const question = `Password of ${where.user} at ${where.host}`;
  const password = once(
    async () => given || context.env.PGPASSWORD || (await context.passfile(where)) || context.askPassword(question),
  );
  return async () => ({user: where.user, password, role: null});
}

/** Before a temporary login runs out, in milliseconds: time to connect. */
const LOGIN_RESERVE = 30_000;

/**
 * As whom to connect to a linked project. With the first password that is there: SUPABASE_DB_PASSWORD, PGPASSWORD, the passfile. Without
 * one as a role that the platform makes for a short time, as the supabase CLI does. Where that cannot be had, an answer.
 */
class LinkedLogin {
  #password: string | null = null;
  #temporary: {login: Login; until: number} | undefined;

  constructor(
    private readonly where: Where,
    private readonly projectRef: string,
    private readonly context: TargetContext,
  ) {}

  async get(): Promise<Login> {
    const {env, passfile, loginRole} = this.context;
    this.#password ??= env.SUPABASE_DB_PASSWORD || env.PGPASSWORD || (await passfile(this.where));
    if (this.#password !== null) return this.#asked(null);
    if (this.#temporary !== undefined && Date.now() < this.#temporary.until) return this.#temporary.login;
    try {
      const made = await loginRole(this.projectRef);
      return made === null ? this.#asked(null) : this.#become(made);
    } catch (error) {
      if (!(error instanceof SupasessionError)) throw error;
      return this.#asked(error);
    }
  }

  #become({role, password, ttlSeconds}: LoginRole): Login {
    // The pooler knows which project is meant by what stands behind the role's name.
    const suffix = `.${this.projectRef}`;
    const login = {
      user: this.where.user.endsWith(suffix) ? role + suffix : role,
      password: async () => password,
      role: 'postgres',
    };
    this.#temporary = {login, until: Date.now() + ttlSeconds * 1000 - LOGIN_RESERVE};
    return login;
  }

  /** @param failure why there is no temporary role, if one was asked for */
  #asked(failure: SupasessionError | null): Login {
    const question = `Database password of project ${this.projectRef}`;
    const password = async () => {
      this.#password ??= await this.context.askPassword(
        failure === null ? question : `No temporary login role: ${failure.message}\n${question}`,
      );
      if (this.#password !== null || failure === null) return this.#password;
      throw new SupasessionError(failure.code, `No temporary login role: ${failure.message}`, {
        suggestions: [
          'Set SUPABASE_DB_PASSWORD to the database password (dashboard: Project Settings, Database)',
          ...failure.suggestions,
        ],
        cause: failure,
      });
    };
    return {user: this.where.user, password, role: null};
  }
}

function tlsMode(host: string, given: string | undefined, rootCert: string | null): TlsMode {
  if (given !== undefined) {
    // libpq's `allow` tries without encryption first; nobody wants that for sessions of users.
    const mode = given === 'allow' ? 'prefer' : TLS_MODES.find((known) => known === given);
    if (mode === undefined) {
      throw new SupasessionError('TARGET_INVALID', `"${given}" is not an sslmode.`, {
        suggestions: [`Use one of ${TLS_MODES.join(', ')}`],
      });
    }

    if (HOSTED.test(host) && (mode === 'disable' || mode === 'prefer')) {
      throw new SupasessionError(
        'TARGET_INVALID',
        `Hosted projects need TLS, and sslmode=${given} would allow a connection without.`,
        {
          suggestions: ['Use sslmode=require or sslmode=verify-full'],
        },
      );
    }

    return mode === 'require' && rootCert !== null ? 'verify-ca' : mode; // as libpq does
  }

  if (rootCert !== null && !isLoopback(host)) return 'verify-full';
  if (HOSTED.test(host)) return 'require';
  return isLoopback(host) ? 'disable' : 'prefer';
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * @param url postgres://user[:password]@host[:port]/database[?sslmode=...&sslrootcert=...]
 * @param source the flag or variable that it came from, for the message
 * @throws SupasessionError TARGET_INVALID; the message never contains the URL, which may contain a password
 */
export function targetFromUrl(url: string, source: string, context: TargetContext): Target {
  const invalid = (reason: string) =>
    new SupasessionError('TARGET_INVALID', `The value of ${source} is not a Postgres URL: ${reason}.`, {
      suggestions: [`Use the form postgresql://user@host:5432/database (percent-encode special characters)`],
    });
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalid('it cannot be read');
  }

  if (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:')
    throw invalid('it does not begin with postgresql://');
  if (parsed.hostname === '') throw invalid('it names no host');
  const host = decode(parsed.hostname).replace(/^\[|]$/g, '');
  const rootCert = parsed.searchParams.get('sslrootcert') ?? context.env.PGSSLROOTCERT ?? null;
  const where = {
    host,
    port: parsed.port === '' ? 5432 : Number(parsed.port),
    database: decode(parsed.pathname.slice(1)) || 'postgres',
    user: decode(parsed.username) || 'postgres',
  };
  const given = decode(parsed.password);
  return {
    kind: 'url',
    ...where,
    // db.<ref>.supabase.co, or the pooler's user postgres.<ref>
    projectRef:
      /^db\.([a-z0-9]{20})\.supabase\./.exec(host)?.[1] ??
      (HOSTED.test(host) ? (/\.([a-z0-9]{20})$/.exec(where.user)?.[1] ?? null) : null),
    tls: tlsMode(host, parsed.searchParams.get('sslmode') ?? context.env.PGSSLMODE, rootCert),
    tlsRootCert: rootCert,
    login: urlLogin(where, given, context),
  };
}

async function linkedTarget(projectRef: string | undefined, context: TargetContext): Promise<Target> {
  const link = await context.link(projectRef);
  if (link === undefined) {
    throw new SupasessionError('NOT_LINKED', 'This project is not linked to a hosted one.', {
      suggestions: ['{supabase} link --project-ref <ref>', 'Or set SUPABASE_PROJECT_ID, or give --db-url'],
    });
  }

  const rootCert = context.env.PGSSLROOTCERT ?? null;
  // Without the pooler's address (not every link has stored one) the project's own, which needs IPv6 on most plans.
  const pooler =
    link.poolerUrl === undefined ? undefined : targetFromUrl(link.poolerUrl, 'supabase/.temp/pooler-url', context);
  const where = {
    host: pooler?.host ?? `db.${link.projectRef}.supabase.co`,
    port: pooler?.port ?? 5432,
    database: pooler?.database ?? 'postgres',
    user: pooler?.user ?? 'postgres',
  };
  const login = new LinkedLogin(where, link.projectRef, context);
  return {
    kind: 'linked',
    ...where,
    projectRef: link.projectRef,
    named: projectRef !== undefined,
    tls: tlsMode(
      where.host,
      isLoopback(where.host) ? undefined : rootCert === null ? 'require' : 'verify-full',
      rootCert,
    ),
    tlsRootCert: rootCert,
    login: async () => login.get(),
  };
}

/**
 * One of the flags, else SUPASESSION_DB_URL, else the local database. Does not connect.
 * @throws SupasessionError NOT_LINKED, TARGET_INVALID, or what finding the project throws
 */
export async function resolveTarget(flags: TargetFlags, context: TargetContext): Promise<Target> {
  if (flags.dbUrl !== undefined) return targetFromUrl(flags.dbUrl, '--db-url', context);
  if (flags.linked || flags.projectRef !== undefined) return linkedTarget(flags.projectRef, context);
  if (!flags.local && flags.stack === undefined && context.env.SUPASESSION_DB_URL) {
    return targetFromUrl(context.env.SUPASESSION_DB_URL, 'SUPASESSION_DB_URL', context);
  }

  const local = {
    kind: 'local',
    host: '127.0.0.1',
    database: 'postgres',
    user: 'postgres',
    projectRef: null,
    tls: 'disable',
    tlsRootCert: null,
    // The password of every local stack; it is no secret.
    login: async (): Promise<Login> => ({user: 'postgres', password: async () => 'postgres', role: null}),
  } as const;
  const stack = (await context.stack?.(flags.stack)) ?? null;
  if (stack === null) return {...local, port: await context.localPort()};
  const managed = {kind: 'local', stack: flags.stack, managed: true} as const;
  // Told when something wants to connect: `init` can do without.
  if (stack instanceof SupasessionError)
    return {...local, ...managed, port: 0, login: async () => Promise.reject(stack)};
  return {...targetFromUrl(stack, 'supabase stack status', {...context, env: {}}), ...managed};
}

/** What the user types, or gives with --confirm, before something on a target is destroyed. */
export function confirmationName(target: Target): string {
  return target.projectRef ?? target.host;
}

/** What tells which flag names a target. */
type Shown = Pick<Target, 'kind' | 'stack' | 'named' | 'projectRef'>;

/** The flags that name a target in a command to type next, without any password; empty for the local one. */
export function targetFlag(target: Shown): string {
  switch (target.kind) {
    case 'local': {
      return target.stack === undefined ? '' : `--stack ${target.stack}`;
    }

    case 'linked': {
      return target.named ? `--remote=${target.projectRef!}` : '--linked';
    }

    case 'url': {
      return '--db-url <url>';
    }
  }
}

/** `command`: "hook:disable", "init --apply". */
export function commandOn(target: Shown, command: string): string {
  const [, words, flags] = /^(.*?)( -.*)?$/s.exec(command)!;
  return `{bin} ${[words, targetFlag(target)].filter((part) => part !== '').join(' ')}${flags ?? ''}`;
}

export function configOn(target: Target): string {
  return commandOn(target, 'config');
}
