// Copies an event stream with ldes-client; prints each member as a line of JSON.
//   node replicate.mjs <address> [<folder that remembers what was emitted>]
import { intoConfig, replicateLDES } from "ldes-client";
import { Writer } from "n3";

const [url, statePath] = process.argv.slice(2);
const client = replicateLDES(intoConfig({ url, statePath, loose: false }), "ascending");
const failed = (error) => { console.error(error); process.exitCode = 1; };
client.on("error", failed);
for await (const member of client.stream()) {
  const own = member.quads.filter((quad) => quad.graph.value === "" && quad.subject.value === member.id.value);
  const said = {};
  for (const quad of own) (said[quad.predicate.value] ??= []).push(quad.object.value);
  const content = member.quads.filter((quad) => quad.graph.value === member.id.value);
  const plain = content.map(({ subject, predicate, object }) => ({ subject, predicate, object }));
  const text = new Writer({ format: "N-Triples" }).quadsToString(plain);
  console.log(JSON.stringify({ id: member.id.value, said, text }));
}
