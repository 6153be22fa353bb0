import {policyKey, withoutOurs} from '../../../src/features/install/exported.js';

const NOTES = policyKey('supasession_access', 'public.notes');

/** What stays of a file's text. */
function rest(text: string, {stays = true, policies = [NOTES]} = {}): string | null {
  const file = {path: '/p/supabase/schemas/x.sql', shown: 'supabase/schemas/x.sql', text};
  const found = withoutOurs(file, {policies: new Set(policies), stays});
  return found === null ? text : found.rest;
}

// As pg-delta exports them: formatted, as the supabase CLI does, and raw.
test.each([
  `CREATE SCHEMA "supasession";\n\nGRANT USAGE ON SCHEMA "supasession" TO "anon", "authenticated";\n\nCOMMENT ON SCHEMA "supasession" IS 'supasession 1.0.0';\n`,
  'CREATE SCHEMA "supasession" AUTHORIZATION "postgres";',
  `CREATE TRIGGER supasession_interceptor
  BEFORE INSERT ON auth.sessions
  FOR EACH ROW
  EXECUTE FUNCTION supasession._limiter();

CREATE TRIGGER supasession_refresh BEFORE UPDATE ON auth.sessions FOR EACH ROW EXECUTE FUNCTION supasession._on_refresh();`,
  `CREATE TABLE "supasession"."config" (
  "version" text NOT NULL DEFAULT '1.0'::text,
  CONSTRAINT "config_refusal_message_check" CHECK ((refusal_message <> ''::text))
);

ALTER TABLE "supasession"."config"
  ENABLE ROW LEVEL SECURITY;

CREATE UNIQUE INDEX config_one_row ON supasession.config USING btree ((true))
  WHERE (VERSION !~~ 'seeded%'::text);

CREATE TRIGGER config_history
  AFTER INSERT OR DELETE OR UPDATE ON supasession.config
  FOR EACH ROW
  EXECUTE FUNCTION supasession._on_settings_change();

CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON supasession.pending_rejections DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION supasession._refuse_at_commit();

COMMENT ON COLUMN "supasession"."config"."refusal_message" IS 'Message; {limit} stands for the limit, of a user''s';`,
  `CREATE OR REPLACE FUNCTION supasession.sid()
  RETURNS uuid
  LANGUAGE sql
  AS $function$
  select 'a;b'; -- ;
$function$;

GRANT EXECUTE ON FUNCTION "supasession"."sid"() TO "anon", "authenticated", "postgres", "service_role";

REVOKE ALL ON FUNCTION "supasession"."sid"() FROM PUBLIC;`,
  `CREATE TYPE "supasession"."enforcement_strategy" AS ENUM (\n  'reject',\n  'dequeue'\n);\n\nALTER TYPE supasession.enforcement_strategy OWNER TO postgres;`,
  'ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "supasession" REVOKE ALL ON FUNCTIONS FROM PUBLIC;',
])('of what is exported of supasession nothing stays: %s', (text) => {
  expect(rest(text)).toBeNull();
});

test.each([
  `CREATE POLICY "own" ON "public"."notes" AS RESTRICTIVE TO "authenticated" USING (( SELECT supasession.is_live() AS is_live));`,
  // Made by hand, so that nothing but this file has it.
  `CREATE POLICY "supasession_access" ON "public"."other" AS RESTRICTIVE FOR ALL TO "anon" USING (( SELECT supasession.has_access() AS has_access));`,
  'CREATE TRIGGER mine BEFORE INSERT ON auth.sessions FOR EACH ROW EXECUTE FUNCTION public.mine();',
  `create function public.f() returns boolean language sql as $$ select supasession.is_live(); $$;`,
  `-- create schema supasession;\n/* drop schema supasession; */ create table public.supasession_notes (body text default 'create schema supasession;');`,
  'CREATE TABLE supasession_own.config (id int); GRANT SELECT ON TABLE supasession_own.config TO anon;',
  'GRANT EXECUTE ON FUNCTION "supasession"."is_live"() TO "anon", "reporting";',
])("what is the project's stays: %s", (text) => {
  expect(rest(text)).toBe(text);
});

test("a file that holds both keeps what is the project's, to the letter", () => {
  const table = `-- Our notes; all of them\nCREATE TABLE "public"."notes" (body text DEFAULT ';');\n`;
  const grant = `\n-- who reads\nGRANT SELECT ON TABLE "public"."notes" TO "anon";\n`;
  const policy = `\nCREATE POLICY "supasession_access" ON "public"."notes"\n  AS RESTRICTIVE\n  FOR ALL\n  TO "anon"\n  USING (( SELECT supasession.has_access() AS has_access));\n`;
  expect(rest(`${table}${policy}${grant}`)).toBe(`${table.trimEnd()}\n${grant}`);
});

test("rights of the project's own roles go with supasession", () => {
  const text = 'GRANT EXECUTE ON FUNCTION "supasession"."is_live"() TO "reporting";';
  expect(rest(text, {stays: false})).toBeNull();
});
