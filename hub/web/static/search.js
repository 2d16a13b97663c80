// Suggestions while typing, for every search form that names where they come from (data-suggest).
// Pattern: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ (editable, with list autocompletion)
"use strict";

const PAUSE_MS = 150;
const SHORTEST = 2;
const KINDS = { dataset: "dataset", organism: "organism", method: "method", gene: "gene", person: "person", word: "" };

function combobox(form) {
  const input = form.querySelector('input[name="q"]');
  const list = document.createElement("ul");
  const status = document.createElement("p");
  let entries = [];
  let current = -1;
  let timer = 0;
  let asking = null;

  list.id = `${input.id}-suggestions`;
  list.className = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  status.className = "quiet";
  status.setAttribute("role", "status");
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off",
  })) input.setAttribute(name, value);
  form.append(list, status);

  function close() {
    clearTimeout(timer);
    asking?.abort();
    entries = [];
    current = -1;
    list.hidden = true;
    list.replaceChildren();
    status.textContent = "";
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(number) {
    current = number;
    [...list.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === number)));
    if (number < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", list.children[number].id);
      list.children[number].scrollIntoView({ block: "nearest" });
    }
  }

  function take(entry) {
    close();
    if (entry.iri) {
      window.location.assign(entry.page);
      return;
    }
    input.value = entry.text;
    form.requestSubmit();
  }

  function item(entry, number) {
    const line = document.createElement("li");
    const text = document.createElement("span");
    const kind = document.createElement("span");
    line.id = `${list.id}-${number}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    text.textContent = entry.text;
    kind.className = "kind";
    kind.textContent = [KINDS[entry.kind] ?? entry.kind, entry.studies.toLocaleString("en")].filter(Boolean).join(" · ");
    line.append(text, " ", kind);
    line.addEventListener("pointerdown", (event) => event.preventDefault());
    line.addEventListener("click", () => take(entry));
    return line;
  }

  function show(found) {
    entries = found;
    list.replaceChildren(...found.map(item));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    status.textContent = found.length ? `${found.length} suggestions` : "";
    mark(-1);
  }

  async function ask() {
    const words = input.value.trim();
    asking?.abort();
    if (words.length < SHORTEST) {
      close();
      return;
    }
    asking = new AbortController();
    try {
      const address = `${form.dataset.suggest}?q=${encodeURIComponent(words)}`;
      const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "application/json" } });
      if (answer.ok && input.value.trim() === words && document.activeElement === input) show((await answer.json())[4]);
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("blur", close);
  form.addEventListener("submit", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask();
      else {
        const step = event.key === "ArrowDown" ? 1 : -1;
        const places = entries.length + 1;
        mark(((current + 1 + step + places) % places) - 1);
      }
    } else if (event.key === "Enter" && current >= 0) {
      event.preventDefault();
      take(entries[current]);
    }
  });
}

document.querySelectorAll("form[data-suggest]").forEach(combobox);
