/* Two to four models beside each other, as the address names them. The page is complete without this file. */
"use strict";

(() => {
  const view = document.querySelector("[data-kb-compare]");
  if (!view) return;
  const MOST = 4;
  const all = view.querySelector("#compared");
  const pairs = view.querySelector("#pairs");
  const chips = [...view.querySelectorAll(".chip[data-model]")];
  const known = new Map(chips.map((chip) => [chip.dataset.model, chip.textContent]));
  const output = view.querySelector("output");
  const copy = view.querySelector("[data-kb-copy-link]");

  const asked = new URLSearchParams(location.search).get("m") ?? "";
  let chosen = [...new Set(asked.split(","))].filter((name) => known.has(name)).slice(0, MOST);
  const address = (names) => (names.length ? `?m=${names.join(",")}` : location.pathname);
  const toggled = (name) => (chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name].slice(-MOST));

  const node = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  /* The rows of the big table become the columns of a small one. */
  const turned = () => {
    const heads = [...all.tHead.rows[0].cells];
    const rows = chosen.map((name) => all.querySelector(`tr[data-model="${name}"]`));
    const copies = (cell) => [...cell.childNodes].map((child) => child.cloneNode(true));
    const table = node("table", { class: `kb-table cmp cmp--${rows.length}`, id: "chosen" });
    table.append(node("caption", { class: "kb-hidden" }, "The chosen models"));
    const head = node("tr", {}, node("td", {}));
    for (const row of rows) head.append(node("th", { scope: "col" }, ...copies(row.cells[0])));
    table.append(node("thead", {}, head));
    const body = node("tbody", {});
    let group = "";
    heads.forEach((cell, column) => {
      if (column === 0) return;
      const now = cell.dataset.group ?? "";
      if (now && now !== group) {
        body.append(node("tr", { class: "group" }, node("th", { scope: "colgroup", colspan: rows.length + 1 }, now)));
      }
      group = now;
      const line = node("tr", {}, node("th", { scope: "row" }, cell.textContent));
      for (const row of rows) line.append(node("td", {}, ...copies(row.cells[column])));
      body.append(line);
    });
    table.append(body);
    return table;
  };

  const show = () => {
    view.querySelector("#chosen")?.remove();
    const enough = chosen.length > 1;
    all.hidden = enough;
    if (enough) all.before(turned());
    for (const row of pairs?.tBodies[0].rows ?? []) {
      row.hidden = enough && !row.dataset.pair.split(" ").every((name) => chosen.includes(name));
    }
    for (const chip of chips) {
      const on = chosen.includes(chip.dataset.model);
      chip.href = address(toggled(chip.dataset.model));
      chip.textContent = known.get(chip.dataset.model) + (on ? " \u00d7" : "");
      if (on) chip.setAttribute("aria-current", "true");
      else chip.removeAttribute("aria-current");
    }
    const names = chosen.map((name) => known.get(name));
    output.textContent = enough ? names.join(", ") : chosen.length ? `${names[0]} and one to three more: choose them above` : `Choose two to ${MOST} models`;
    copy.hidden = !enough;
  };

  for (const chip of chips) {
    chip.addEventListener("click", (event) => {
      event.preventDefault();
      chosen = toggled(chip.dataset.model);
      history.replaceState(history.state, "", address(chosen));
      show();
    });
  }
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    copy.textContent = "Copied";
  });
  show();
})();
