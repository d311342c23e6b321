import { z } from 'zod';
import { type ReadReport, reportOf, type ToolReport, unreadable } from './report.js';

const Path = z.string().min(1).max(4000);
const Text = z.string().max(100_000);
const Line = z.number().nullish().transform((line) => (typeof line === 'number' && Number.isSafeInteger(line) && line > 0 ? line : 0));

const EslintMessage = z.object({ ruleId: z.string().max(1000).nullish(), severity: z.union([z.literal(1), z.literal(2)]), fatal: z.boolean().nullish(), message: Text, line: Line });
const Eslint = z.array(z.object({ filePath: Path, messages: z.array(EslintMessage).max(20_000), suppressedMessages: z.array(EslintMessage).max(20_000).nullish() })).max(200_000);

/**
 * `eslint --format json` (https://eslint.org/docs/latest/use/formatters/#json). What a comment silences counts too: a comment decides nothing, and what was silenced on the base is not new.
 */
export const readEslint: ReadReport = (text) => read(text, Eslint, (files) => files.flatMap(({ filePath, messages, suppressedMessages }) => [...messages, ...(suppressedMessages ?? [])].map(({ ruleId, severity, fatal, message, line }) => ({
  path: filePath, line, rule: ruleId ?? (fatal === true ? 'fatal' : 'message'), level: severity === 2 ? ('error' as const) : ('warning' as const), message,
}))));

const Ruff = z.array(z.object({ code: z.string().max(300).nullish(), filename: Path, location: z.object({ row: Line }).nullish(), message: Text })).max(200_000);

/** `ruff check --output-format json` (https://docs.astral.sh/ruff/settings/#output-format). It has no levels: code that it cannot parse is an error, all else a warning. */
export const readRuff: ReadReport = (text) => read(text, Ruff, (found) => found.map(({ code, filename, location, message }) => ({
  path: filename, line: location?.row ?? 0, rule: code ?? 'invalid-syntax', level: code === null || code === undefined || code === 'invalid-syntax' ? ('error' as const) : ('warning' as const), message,
})));

function read<T>(text: string, form: z.ZodType<T>, told: (value: T) => Parameters<typeof reportOf>[0]): ToolReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable('the report is not JSON');
  }
  const parsed = form.safeParse(value);
  if (parsed.success) return reportOf(told(parsed.data), null);
  const issue = parsed.error.issues[0];
  return unreadable(`the report has another form: ${issue?.path.join('.').slice(0, 200) ?? ''}: ${issue?.message.slice(0, 300) ?? 'unreadable'}`);
}
