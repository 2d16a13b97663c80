// One query over SPARQL endpoints with Comunica; prints rows as JSON.
//   node ask.mjs <query> <endpoint> …
import { QueryEngine } from "@comunica/query-sparql";

const [query, ...endpoints] = process.argv.slice(2);
const sources = endpoints.map((value) => ({ type: "sparql", value }));
const found = await new QueryEngine().queryBindings(query, { sources });
const rows = (await found.toArray()).map((row) => Object.fromEntries([...row].map(([name, term]) => [name.value, term.value])));
console.log(JSON.stringify(rows));
