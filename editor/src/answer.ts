// Answers of the endpoint, and the three views of them: table, chart and raw text.

import { Links } from "./terms";

/** One value of a result. Source: https://www.w3.org/TR/sparql11-results-json/#select-encode-terms */
export interface Value {
  type: string;
  value: unknown;
  datatype?: string;
  "xml:lang"?: string;
}
export type Row = Record<string, Value>;

/** One answer: its text as it came, and what it says, if it is no graph. */
export interface Answer {
  text: string;
  seconds: number;
  sequence: string;
  boolean?: boolean;
  names?: string[];
  rows?: Row[];
}
export type View = "table" | "chart" | "raw";

/** A problem document of the hub. Source: https://www.rfc-editor.org/rfc/rfc9457 */
export class Problem extends Error {}

const LONGEST_ADDRESS = 8000;
const ROWS_AT_ONCE = 500;
const MOST_BARS = 100;
const MOST_RAW = 200_000;
const LONG_TEXT = 300;
const NUMERIC = /#(integer|decimal|double|float|int|long|short|nonNegativeInteger|positiveInteger)$/;

/** Ask the endpoint; by GET where the address stays short enough, so that caches help. Raises Problem. */
export async function ask(endpoint: string, query: string, signal: AbortSignal): Promise<Answer> {
  const start = performance.now();
  const fields = new URLSearchParams({ query });
  const accept = { Accept: "application/sparql-results+json, text/turtle;q=0.9" };
  const isShort = `${fields}`.length < LONGEST_ADDRESS;
  const sent = isShort ? fetch(`${endpoint}?${fields}`, { headers: accept, signal }) : fetch(endpoint, { method: "POST", body: fields, headers: accept, signal });
  const reply = await sent;
  const text = await reply.text();
  if (!reply.ok) throw problem(text, reply.status);
  const answer = { text, seconds: (performance.now() - start) / 1000, sequence: reply.headers.get("X-Hub-Sequence") ?? "" };
  if (!reply.headers.get("Content-Type")?.includes("json")) return answer;
  const { head, boolean, results } = JSON.parse(text);
  return { ...answer, boolean, names: head.vars, rows: results?.bindings };
}

function problem(text: string, status: number): Problem {
  try {
    const { title, detail } = JSON.parse(text);
    return new Problem(`${title}: ${detail}`);
  } catch {
    return new Problem(`The hub answered with status ${status}: try again in a moment.`);
  }
}

/** Return what an answer is, in a few words. */
export function summary(answer: Answer): string {
  const time = `${answer.seconds.toFixed(2)} s${answer.sequence && `, true of change no. ${answer.sequence}`}`;
  if (answer.boolean !== undefined) return `${answer.boolean ? "Yes" : "No"}, in ${time}`;
  if (answer.rows === undefined) return `A graph, in ${time}`;
  return `${answer.rows.length.toLocaleString("en")} row${answer.rows.length === 1 ? "" : "s"} in ${time}`;
}

/** Return the views that an answer has, the best first. */
export function views(answer: Answer): View[] {
  if (!answer.rows?.length) return ["raw"];
  return measure(answer) === undefined ? ["table", "raw"] : ["table", "chart", "raw"];
}

/** Return an answer in one view. */
export function draw(answer: Answer, view: View, links: Links): HTMLElement {
  if (view === "raw") return raw(answer.text, links);
  const whole = made("div", "scroll");
  whole.tabIndex = 0;
  whole.setAttribute("role", "region");
  whole.setAttribute("aria-labelledby", "summary");
  whole.append(...(view === "chart" ? chart(answer, links) : table(answer, links)));
  return whole;
}

function made<K extends keyof HTMLElementTagNameMap>(name: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// --- table ---------------------------------------------------------------------------------------------------------

function table(answer: Answer, links: Links): HTMLElement[] {
  const { names = [], rows = [] } = answer;
  const whole = made("table", "answer");
  const head = whole.createTHead().insertRow();
  const body = whole.createTBody();
  const more = made("button", "button", "Show more rows");
  more.type = "button";
  let shown = rows;
  const grow = (): void => {
    for (const row of shown.slice(body.rows.length, body.rows.length + ROWS_AT_ONCE)) {
      const line = body.insertRow();
      for (const name of names) line.append(cell(row[name], links));
    }
    more.hidden = body.rows.length >= shown.length;
  };
  more.addEventListener("click", grow);
  for (const name of names) {
    head.append(sortable(name, (direction) => {
      shown = sorted(rows, name, direction);
      body.replaceChildren();
      grow();
    }));
  }
  grow();
  return [whole, more];
}

/** Return a column's head: a button that sorts rows by it, upwards and at the next press downwards. */
function sortable(name: string, sort: (direction: 1 | -1) => void): HTMLElement {
  const head = made("th");
  head.scope = "col";
  const button = made("button", "sort", name);
  button.type = "button";
  button.addEventListener("click", () => {
    const isUp = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement?.children ?? []) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    sort(isUp ? 1 : -1);
  });
  head.append(button);
  return head;
}

/** Return rows by one variable: numbers by size and before text, rows without a value last. */
function sorted(rows: Row[], name: string, direction: 1 | -1): Row[] {
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (a: Value | undefined, b: Value | undefined): number => {
    if (!a || !b) return Number(!a) - Number(!b);
    const [x, y] = [number(a), number(b)];
    if (x === undefined || y === undefined) {
      return direction * (Number(x === undefined) - Number(y === undefined) || collator.compare(words(a), words(b)));
    }
    return direction * (x - y);
  };
  return [...rows].sort((a, b) => compare(a[name], b[name]));
}

function cell(value: Value | undefined, links: Links): HTMLTableCellElement {
  const box = made("td");
  if (value === undefined) return box;
  const text = words(value);
  if (number(value) !== undefined) box.className = "number";
  if (value.type === "uri") box.append(links.link(text));
  else if (text.length > LONG_TEXT) box.append(folded(text));
  else box.textContent = text;
  if (value.datatype) box.title = links.short(value.datatype);
  if (value["xml:lang"]) {
    box.lang = value["xml:lang"];
    box.append(made("span", "gap", ` @${value["xml:lang"]}`));
  }
  return box;
}

/** Return a long text with its beginning shown and the rest to be opened. */
function folded(text: string): HTMLElement {
  const whole = made("details");
  whole.append(made("summary", "", `${text.slice(0, LONG_TEXT)}…`), text);
  return whole;
}

/** Return a value as text; a triple term, which has parts, as JSON. */
function words(value: Value): string {
  return typeof value.value === "string" ? (value.type === "bnode" ? `_:${value.value}` : value.value) : JSON.stringify(value.value);
}

function number(value: Value): number | undefined {
  const found = value.datatype && NUMERIC.test(value.datatype) ? Number(value.value) : NaN;
  return Number.isFinite(found) ? found : undefined;
}

// --- chart ---------------------------------------------------------------------------------------------------------

/** Return the variable that bars are made of: the last one that is a number in every row. */
function measure({ names = [], rows = [] }: Answer): string | undefined {
  return names.findLast((name) => rows.every((row) => row[name] && number(row[name]) !== undefined));
}

/** Return bars as a table, which a screen reader reads as one; what names a bar is the literals beside its number. */
function chart(answer: Answer, links: Links): HTMLElement[] {
  const { names = [], rows = [] } = answer;
  const measured = measure(answer) ?? "";
  const others = names.filter((name) => name !== measured);
  const literals = others.filter((name) => rows.some((row) => row[name]?.type === "literal"));
  const shown = rows.slice(0, MOST_BARS);
  const longest = Math.max(...shown.map((row) => Math.abs(amount(row, measured)))) || 1;
  const whole = made("table", "answer chart");
  const cut = rows.length > MOST_BARS ? `, the first ${MOST_BARS} rows` : "";
  whole.append(made("caption", "", `${measured}${cut}`));
  for (const row of shown) {
    const line = whole.insertRow();
    const head = made("th");
    head.scope = "row";
    (literals.length ? literals : others).forEach((name, place) => head.append(place ? " · " : "", label(row[name], links)));
    const bar = made("div", "bar");
    bar.style.width = `${(100 * Math.abs(amount(row, measured))) / longest}%`;
    const box = made("td");
    box.append(bar);
    line.append(head, box, made("td", "number", amount(row, measured).toLocaleString("en")));
  }
  return [whole];
}

function amount(row: Row, name: string): number {
  const value = row[name];
  return (value && number(value)) ?? 0;
}

function label(value: Value | undefined, links: Links): Node | string {
  if (value === undefined) return "–";
  return value.type === "uri" ? links.link(words(value)) : words(value);
}

// --- raw -----------------------------------------------------------------------------------------------------------

/** Return the answer as it came, with links; only its beginning where it is long. */
function raw(text: string, links: Links): HTMLElement {
  const whole = made("pre");
  whole.tabIndex = 0;
  whole.setAttribute("role", "region");
  whole.setAttribute("aria-labelledby", "summary");
  const pieces = text.slice(0, MOST_RAW).split(/(?<=[<"])(https?:[^<>"\s\\]+)(?=[>"])/);
  pieces.forEach((piece, place) => whole.append(place % 2 ? links.link(piece, piece) : piece));
  if (text.length > MOST_RAW) whole.append("\n… the rest is in the files below");
  return whole;
}
