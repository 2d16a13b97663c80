// Completion of prefixes, classes and properties from what the hub has. The component's own completers would ask
// third parties (Linked Open Vocabularies, prefix.cc); they are replaced, none of them is ever enabled.

import Yasqe from "@zazuko/yasqe";
import { curie, type Term, type Terms } from "./terms";

type Completer = (typeof Yasqe.Autocompleters)[string];
type Token = Parameters<Completer["get"]>[1];

const MOST = 50;

/** Register the completers; to be called before the editor is made. `terms` is asked each time: they may come late. */
export function register(terms: () => Terms, loaded: Promise<Terms>): void {
  Yasqe.defaults.autocompleters = ["variables"];
  Yasqe.forkAutocompleter("prefixes", { name: "hub-prefixes", get: () => loaded.then(declarations), persistenceId: null });
  for (const kind of ["class", "property"] as const) {
    Yasqe.forkAutocompleter(kind, {
      name: `hub-${kind}`,
      autoShow: true,
      get: (yasqe, token) => suggestions(kind, terms(), yasqe.getValue(), token),
      postProcessSuggestion: (yasqe, _token, iri) => written(iri, yasqe.getPrefixesFromQuery(), terms().prefixes),
      postprocessHints: (_yasqe, hints) => hints.map((hint) => ({ ...hint, displayText: described(hint.text, kind, terms()) })),
    });
  }
}

function declarations(terms: Terms): string[] {
  return Object.entries(terms.prefixes).map(([prefix, namespace]) => `${prefix}: <${namespace}>`);
}

/** Return IRIs that go on from what is typed: the start of an IRI or prefixed name, or a part of a label. */
function suggestions(kind: "class" | "property", terms: Terms, query: string, token: Token): string[] {
  const typed = token?.autocompletionString ?? "";
  if (!/[A-Za-z]/.test(typed)) return [];
  const wanted = expanded(typed, terms.prefixes).toLowerCase();
  const all = kind === "class" ? terms.classes : ranked(terms, query);
  const found = all.filter(({ iri, label }) => iri.toLowerCase().startsWith(wanted) || label.toLowerCase().includes(wanted));
  return found.some(({ iri }) => iri.toLowerCase() === wanted) ? [] : found.slice(0, MOST).map(({ iri }) => iri);
}

/** Return properties with those of the classes that a query names first. */
function ranked(terms: Terms, query: string): Term[] {
  const named = terms.classes.filter(({ iri }) => query.includes(iri) || query.includes(curie(iri, terms.prefixes) ?? iri));
  const likely = new Set(named.flatMap(({ properties }) => properties ?? []));
  return [...terms.properties.filter(({ iri }) => likely.has(iri)), ...terms.properties.filter(({ iri }) => !likely.has(iri))];
}

/** Return a name whose prefix the query does not declare (yet) with the hub's meaning of the prefix. */
function expanded(text: string, prefixes: Record<string, string>): string {
  const [prefix = "", local] = text.split(":", 2);
  return local !== undefined && prefix in prefixes ? prefixes[prefix] + local : text;
}

/** Return an IRI as it is written into the query; a prefix that is not declared there is declared by the component. */
function written(iri: string, declared: Record<string, string>, known: Record<string, string>): string {
  return curie(iri, declared) ?? curie(iri, known) ?? `<${iri}>`;
}

function described(text: string, kind: "class" | "property", terms: Terms): string {
  const all = kind === "class" ? terms.classes : terms.properties;
  const term = all.find(({ iri }) => text === `<${iri}>` || text === curie(iri, terms.prefixes));
  return term?.count === undefined ? text : `${text}  ${term.count.toLocaleString("en")}`;
}
