// What the hub's data are made of (`/sparql/editor/terms.json`), and how an IRI is shown and where it leads to.

/** A class or property of the data. `count` is missing while the data are still being counted. */
export interface Term {
  iri: string;
  label: string;
  count?: number;
  /** Of a class: IRIs of the properties that things of it have. */
  properties?: string[];
}

export interface Terms {
  prefixes: Record<string, string>;
  classes: Term[];
  properties: Term[];
}

export const NO_TERMS: Terms = { prefixes: {}, classes: [], properties: [] };

/** Return the terms; none when they cannot be had, so that the editor works without. */
export async function load(address: string): Promise<Terms> {
  const answer = await fetch(address).catch(() => undefined);
  return answer?.ok ? await answer.json() : NO_TERMS;
}

/** Return an IRI with a prefix where a known namespace leaves a plain local name: `schema:name`; else undefined. */
export function curie(iri: string, prefixes: Record<string, string>): string | undefined {
  let found: [string, string] | undefined;
  for (const pair of Object.entries(prefixes)) {
    if (iri.startsWith(pair[1]) && pair[1].length > (found?.[1].length ?? 0)) found = pair;
  }
  const local = found && iri.slice(found[1].length);
  return found && local && /^[A-Za-z0-9_]([\w.-]*[\w-])?$/.test(local) ? `${found[0]}:${local}` : undefined;
}

/** How IRIs are shown: those of the hub lead to its own pages, whatever address it is served at. */
export class Links {
  constructor(
    private readonly base: string,
    private readonly root: string,
    public prefixes: Record<string, string> = {},
  ) {}

  /** Return a link to what an IRI names, or its text where there is nothing to follow. */
  link(iri: string, text = this.short(iri)): Node {
    if (!/^https?:/i.test(iri)) return document.createTextNode(text);
    const anchor = document.createElement("a");
    anchor.href = iri.startsWith(this.base) ? `${this.root}/${iri.slice(this.base.length)}` : iri;
    anchor.textContent = text;
    if (text !== iri) anchor.title = iri;
    return anchor;
  }

  /** Return an IRI as a table shows it: the hub's own by its path, others with a prefix, else whole. */
  short(iri: string): string {
    if (iri.startsWith(this.base) && iri.length > this.base.length) return iri.slice(this.base.length);
    return curie(iri, this.prefixes) ?? iri;
  }
}
