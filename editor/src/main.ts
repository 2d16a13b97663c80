// The SPARQL editor page: what `hub/web/templates/editor.html` becomes where scripts run. Nothing is asked on load but
// the terms to complete with; a query runs when its author says so.

import Yasqe from "@zazuko/yasqe";
import "@zazuko/yasqe/build/yasqe.min.css";
import "./editor.css";
import { type Answer, type View, Problem, ask, draw, summary, views } from "./answer";
import { register } from "./completion";
import { Links, NO_TERMS, type Terms, load } from "./terms";

/** Servers refuse longer addresses: 65,535 bytes is the most that the hub's own takes. */
const LONGEST_LINK = 60_000;

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const form = element<HTMLFormElement>("editor");
const area = element<HTMLTextAreaElement>("query");
const formats = element<HTMLSelectElement>("format");
const button = element<HTMLButtonElement>("run");
const permalink = element<HTMLAnchorElement>("permalink");
const complaint = element("complaint");
const failure = element("failure");
const said = element("summary");
const { endpoint = "", terms: address = "", base = "", root = "" } = form.dataset;
const links = new Links(base, root);

let terms: Terms = NO_TERMS;
let running: AbortController | undefined;
let chosen: View = "table";

const loaded = load(address);
register(() => terms, loaded);
const yasqe = make();
yasqe.getInputField().setAttribute("aria-describedby", "complaint keys");
loaded.then((found) => {
  terms = found;
  links.prefixes = found.prefixes;
});

/** Put the editor into the place of the text area. Tab leaves it, as it leaves any other field. */
function make(): Yasqe {
  const place = document.createElement("div");
  area.after(place);
  area.hidden = true;
  return new Yasqe(place, {
    value: area.value,
    editorHeight: "auto",
    viewportMargin: Infinity,
    screenReaderLabel: "Query",
    extraKeys: { Tab: false, "Shift-Tab": false, "Ctrl-Enter": run, "Cmd-Enter": run },
    persistenceId: null,
    consumeShareLink: null,
    createShareableLink: null as never, // no button for it: the page has its own link
    showQueryButton: false,
    resizeable: false,
  } as ConstructorParameters<typeof Yasqe>[1]);
}

/** Tell in words what the mark at the line of a syntax error says, which only a mouse could ask for. */
function check(): void {
  area.value = yasqe.getValue();
  permalink.href = `?${new URLSearchParams({ query: area.value })}`;
  permalink.hidden = permalink.href.length > LONGEST_LINK;
  const line = faulty();
  complaint.textContent = line < 0 ? "" : `Line ${line + 1} does not look like SPARQL 1.1.${expected(line)}`;
  yasqe.getInputField().setAttribute("aria-invalid", String(line >= 0));
}

/** Return the number of the line that the component has marked; -1 for none. */
function faulty(): number {
  const doc = yasqe.getDoc();
  return [...Array(doc.lineCount()).keys()].findIndex((line) => yasqe.lineInfo(line).gutterMarkers?.gutterErrorBar);
}

function expected(line: number): string {
  const { state } = yasqe.getTokenAt({ line, ch: yasqe.getDoc().getLine(line).length } as never, true);
  const found: string[] = state.possibleCurrent ?? [];
  return found.length && found.length < 10 ? ` Expected: ${found.join(", ")}` : "";
}

/** Keep the query in the page's address, so that reloading and coming back bring it again, and run nothing. */
function remember(): void {
  if (area.value !== area.defaultValue && !permalink.hidden) history.replaceState(null, "", permalink.href);
}

async function run(): Promise<void> {
  if (running) return running.abort();
  running = new AbortController();
  const query = yasqe.getValue();
  remember();
  begin();
  try {
    show(await ask(endpoint, query, running.signal), query);
  } catch (error) {
    fail(error);
  } finally {
    running = undefined;
    button.textContent = "Run";
  }
}

function begin(): void {
  button.textContent = "Stop";
  failure.hidden = true;
  said.textContent = "Asking …";
}

function fail(error: unknown): void {
  const isStopped = error instanceof DOMException && error.name === "AbortError";
  said.textContent = isStopped ? "Stopped." : "";
  element("answer").hidden = true;
  element("views").replaceChildren();
  if (isStopped) return;
  const words = error instanceof Problem ? error.message : "The hub could not be reached: try again in a moment.";
  failure.textContent = words;
  failure.hidden = false;
  const place = /\bline (\d+), column (\d+)/.exec(words);
  if (place) yasqe.getDoc().setCursor({ line: Number(place[1]) - 1, ch: Number(place[2]) - 1 } as never);
}

function show(answer: Answer, query: string): void {
  said.textContent = summary(answer);
  const offered = views(answer);
  const pick = (view: View): void => {
    chosen = view;
    paint(view);
  };
  const paint = (view: View): void => {
    element("view").replaceChildren(draw(answer, view, links));
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.value === view));
  };
  const buttons = offered.map((view) => choice(view, pick));
  element("views").replaceChildren(...buttons);
  element("files").replaceChildren(...files(answer, query));
  element("answer").hidden = false;
  paint(offered.includes(chosen) ? chosen : (offered[0] ?? "raw"));
}

function choice(view: View, pick: (view: View) => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.value = view;
  made.textContent = { table: "Table", chart: "Chart", raw: "Raw" }[view];
  made.addEventListener("click", () => pick(view));
  return made;
}

/** Return links to the answer in each format that the page's form offers for its kind. */
function files(answer: Answer, query: string): HTMLLIElement[] {
  const kind = answer.boolean !== undefined ? "truth" : answer.rows ? "rows" : "graph";
  const offered = [...formats.options].filter((option) => option.dataset.kind?.split(" ").includes(kind));
  return offered.map((option) => {
    const item = document.createElement("li");
    item.append(file(option, query));
    return item;
  });
}

function file(option: HTMLOptionElement, query: string): Node | string {
  const link = document.createElement("a");
  link.href = `${endpoint}?${new URLSearchParams({ query, format: option.value })}`;
  link.download = `answer${option.dataset.suffix}`;
  link.textContent = option.text;
  return link.href.length > LONGEST_LINK ? `${option.text}: the query is too long for a link, POST it` : link;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});
document.querySelector("label[for=query]")?.addEventListener("click", () => yasqe.focus());
addEventListener("pagehide", remember);
yasqe.on("changes" as never, check);
yasqe.on("autocompletionShown", (_yasqe, widget) => widget.hints.setAttribute("aria-label", "Suggestions"));
for (const hidden of document.querySelectorAll<HTMLElement>("[data-script=needs]")) hidden.hidden = false;
for (const needless of document.querySelectorAll<HTMLElement>("[data-script=replaces]")) needless.hidden = true;
check();
