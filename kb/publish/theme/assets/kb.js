/* Filtering, sorting and taking a view away. Every table is complete without this file. */
"use strict";

(() => {
  const parameters = new URLSearchParams(location.search);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  /* Opened from a folder rather than a server, an address that ends in / is no page. */
  if (location.protocol === "file:") {
    for (const link of document.querySelectorAll('a[href]:not([href*="://"])')) {
      const [path, hash] = link.getAttribute("href").split("#");
      if (/(^|\/)(\?.*)?$/.test(path) && path) {
        const [folder, query] = path.split("?");
        link.setAttribute("href", `${folder}index.html${query ? `?${query}` : ""}${hash ? `#${hash}` : ""}`);
      }
    }
  }

  const remember = () => {
    const query = parameters.toString();
    history.replaceState(history.state, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
  };
  const set = (name, value) => (value ? parameters.set(name, value) : parameters.delete(name));
  const words = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

  /* Sorting: a heading becomes a button; equal values keep the order of the page. */
  const headings = (table) => {
    const columns = [];
    const rows = [...table.tHead.rows];
    const taken = rows.map(() => []);
    rows.forEach((row, level) => {
      let at = 0;
      for (const cell of row.cells) {
        while (taken[level][at]) at += 1;
        for (let down = 0; down < cell.rowSpan; down += 1) {
          for (let right = 0; right < cell.colSpan; right += 1) taken[level + down][at + right] = true;
        }
        if (cell.colSpan === 1) columns[at] = cell;
        at += cell.colSpan;
      }
    });
    return columns;
  };
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell ? (cell.dataset.sort ?? cell.textContent.trim()) : "";
  };
  const compare = (left, right) => {
    const [a, b] = [Number.parseFloat(left), Number.parseFloat(right)];
    const numeric = /^[-+\d.]/.test(left) && /^[-+\d.]/.test(right) && !Number.isNaN(a) && !Number.isNaN(b);
    return numeric ? a - b : collator.compare(left, right);
  };
  const absent = (value) => value === "" || value === "\u2013";

  const sort = (table, column, direction) => {
    const columns = headings(table);
    for (const cell of columns) cell?.removeAttribute("aria-sort");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.forEach((row, index) => { row.dataset.at ??= index; });
    const sign = direction === "descending" ? -1 : 1;
    rows.sort((one, other) => {
      if (!direction) return one.dataset.at - other.dataset.at;
      const [a, b] = [key(one, column), key(other, column)];
      if (absent(a) || absent(b)) return absent(a) - absent(b) || one.dataset.at - other.dataset.at;
      return sign * compare(a, b) || one.dataset.at - other.dataset.at;
    });
    if (direction) columns[column].setAttribute("aria-sort", direction);
    body.append(...rows);
    table.dispatchEvent(new Event("kb-sorted", { bubbles: true }));
  };

  const short = { ascending: "up", descending: "down" };
  const long = { up: "ascending", down: "descending" };
  for (const table of document.querySelectorAll("table[data-kb-sortable]")) {
    const name = document.querySelectorAll("table[data-kb-sortable]").length === 1 ? "sort" : `sort-${table.id}`;
    headings(table).forEach((cell, column) => {
      if (!cell || "kbPlain" in cell.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      cell.append(button);
      const first = cell.dataset.first ?? (/^(Year|Date|R@|mAP|SumR|infAP|nDCG|Evidence|Papers|Published)/.test(button.textContent) ? "descending" : "ascending");
      const second = first === "ascending" ? "descending" : "ascending";
      button.addEventListener("click", () => {
        const now = cell.getAttribute("aria-sort");
        const next = now === null ? first : now === first ? second : "";
        sort(table, column, next);
        set(name, next && `${column}-${short[next]}`);
        remember();
      });
    });
    const [column, direction] = (parameters.get(name) ?? "").split("-");
    if (long[direction] && headings(table)[column]) sort(table, Number(column), long[direction]);
  }

  /* Filters: names in the form are names of data-* attributes, whose values are lists of tokens.
     Of a long list only the first rows are drawn, since a browser lays out thousands slowly. */
  const DRAWN = 200;
  const left = new WeakSet(); // rows that do not fit the filters
  for (const view of document.querySelectorAll("[data-kb-view]")) {
    const form = view.querySelector(".kb-filters");
    if (!form) continue;
    const fields = [...form.querySelectorAll("input[name], select[name]")];
    const read = (row) => words(`${row.textContent} ${row.dataset.text ?? ""}`);
    const texts = new Map([...view.querySelectorAll("tbody tr")].map((row) => [row, read(row)]));
    let most = DRAWN;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "kb-more";
    more.addEventListener("click", () => { most = Infinity; apply(); });
    view.append(more);
    let waiting = Number(view.dataset.kbParts ?? 0);
    const output = form.querySelector("output");
    const empty = view.querySelector(".kb-empty");

    const apply = () => {
      const wanted = words(fields.find((field) => field.name === "text")?.value ?? "").split(/\s+/).filter(Boolean);
      const chosen = fields.filter((field) => field.name !== "text" && field.value);
      let shown = 0;
      for (const row of view.querySelectorAll("tbody tr")) {
        const fits = wanted.every((word) => texts.get(row).includes(word))
          && chosen.every((field) => (row.dataset[field.name] ?? "").split(" ").includes(field.value));
        shown += fits;
        left[fits ? "delete" : "add"](row);
        const hidden = !fits || shown > most;
        if (row.hidden !== hidden) row.hidden = hidden;
      }
      more.hidden = shown <= most;
      more.textContent = `Show all ${shown.toLocaleString("en")}`;
      for (const part of view.querySelectorAll(".kb-test")) {
        part.hidden = ![...part.querySelectorAll("tbody tr")].some((row) => !left.has(row));
      }
      const unit = view.dataset.kbUnit;
      const count = shown === texts.size ? `${shown} ${unit}` : `${shown} of ${texts.size} ${unit}`;
      output.textContent = waiting ? `${count}, more are coming` : count;
      if (empty) empty.hidden = shown > 0;
    };
    const changed = () => {
      for (const field of fields) set(field.name, field.value.trim());
      apply();
      remember();
    };
    for (const field of fields) {
      const value = parameters.get(field.name) ?? "";
      field.value = value;
      if (field.value !== value) field.value = "";
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", changed);
    const clear = (event) => {
      event.preventDefault(); // a reset empties the fields only after its listeners have run
      for (const field of fields) field.value = "";
      changed();
    };
    form.addEventListener("reset", clear);
    view.querySelector("[data-kb-clear]")?.addEventListener("click", clear);
    view.addEventListener("kb-sorted", apply);
    form.hidden = false;
    apply();

    /* A long list is sent in parts: the page is there at once, its other rows follow. */
    const bring = async () => {
      const table = view.querySelector("table");
      try {
        for (let part = 1; waiting; part += 1, waiting -= 1) {
          const sent = await (await fetch(`${view.dataset.kbRows}${part}.json`)).json();
          const before = table.tBodies[0].rows.length;
          table.tBodies[0].insertAdjacentHTML("beforeend", sent.rows);
          for (const row of [...table.tBodies[0].rows].slice(before)) {
            row.dataset.at = texts.size;
            row.hidden = true; // until the filters have seen it
            texts.set(row, read(row));
          }
          await new Promise((done) => (window.requestIdleCallback ?? setTimeout)(done));
        }
        view.querySelector(".kb-rest")?.remove();
      } catch {
        waiting = 0; // the link to all papers stays
      }
      const sorted = table.querySelector("th[aria-sort]");
      if (sorted) sort(table, headings(table).indexOf(sorted), sorted.getAttribute("aria-sort"));
      else apply();
    };
    if (waiting) bring();
  }

  /* Taking the view away. */
  const save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const visible = (view) => [...view.querySelectorAll("tbody tr")].filter((row) => !left.has(row));
  /* A cell that a spreadsheet would run as a formula is made text by an apostrophe. */
  const quote = (text) => `"${text.replace(/^(?=[=+@\t\r]|-[^\d.])/, "'").replaceAll('"', '""')}"`;
  const cells = (row) => [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ").trim());

  const asCsv = (view) => {
    const lines = [];
    for (const table of view.querySelectorAll("table")) {
      const rows = [...table.tBodies[0].rows].filter((row) => !left.has(row));
      if (!rows.length) continue;
      const test = table.closest(".kb-test")?.querySelector("h3")?.firstChild.textContent;
      const lead = test === undefined ? [] : [test];
      const head = headings(table).map((cell) => cell.textContent.trim());
      lines.push([...lead.map(() => "Test"), ...head], ...rows.map((row) => [...lead, ...cells(row)]));
    }
    return lines.map((line) => line.map(quote).join(",")).join("\r\n");
  };
  const asBibtex = async (view, source) => {
    const entries = await (await fetch(source)).json();
    return visible(view).map((row) => entries[row.dataset.id]).filter(Boolean).join("\n\n");
  };
  /* A booktabs table; each title cites the key that the BibTeX of the view has. */
  const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" };
  const tex = (text) => text.replace(/[\\{}&%$#_~^]/g, (char) => special[char] ?? `\\${char}`);
  const asTex = (view) => {
    const lines = visible(view).map((row) => {
      const of = (label) => tex(row.querySelector(`td[data-label="${label}"]`)?.textContent.replace(/\s+/g, " ").trim() ?? "");
      const title = tex(row.querySelector(".kb-title").textContent.trim());
      return `${of("Year")} & ${title}~\\cite{${row.dataset.id}} & ${of("Venue")} & ${of("Datasets")} \\\\`;
    });
    return ["\\begin{tabular}{rlll}", "\\toprule", "Year & Paper & Venue & Datasets \\\\", "\\midrule", ...lines, "\\bottomrule", "\\end{tabular}", ""].join("\n");
  };
  for (const button of document.querySelectorAll("[data-kb-download]")) {
    button.addEventListener("click", async () => {
      const view = button.closest("[data-kb-view]");
      if (button.dataset.kbDownload === "csv") save("view.csv", "text/csv", asCsv(view));
      else if (button.dataset.kbDownload === "tex") save("view.tex", "application/x-tex", asTex(view));
      else save("view.bib", "application/x-bibtex", await asBibtex(view, button.dataset.kbFrom));
    });
  }

  /* The theme wraps wide tables of hand-written pages in a box that scrolls: keys reach it too. */
  addEventListener("load", () => {
    for (const box of document.querySelectorAll(".md-typeset__scrollwrap")) box.tabIndex = 0;
  });

  /* The theme puts an unnamed navigation on every block of code, when the block comes into view. */
  const name = () => {
    for (const [index, nav] of document.querySelectorAll(".md-code__nav").entries()) {
      nav.setAttribute("aria-label", `Code block ${index + 1}`);
    }
  };
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
  name();

  /* A line of the source is inside a folded part: unfold it when it is asked for. */
  const unfold = () => {
    const target = location.hash.startsWith("#line-") && document.getElementById(location.hash.slice(1));
    if (!target) return;
    target.closest("details").open = true;
    target.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
