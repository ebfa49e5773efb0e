/* Leaderboards: chips in the address, CSV of the view. Also old addresses and the error page. */
"use strict";

(() => {
  /* An old address keeps its anchor and its query on the way to the new page. */
  const refresh = document.querySelector('meta[http-equiv="refresh"]');
  if (refresh && (location.hash || location.search)) {
    location.replace(refresh.content.split("url=")[1] + location.search + location.hash);
    return;
  }

  const save = (name, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  for (const board of document.querySelectorAll("[data-kb-board]")) {
    const chips = [...board.querySelectorAll(".chips input")];
    const rows = [...board.querySelectorAll("tbody tr[data-c]")];
    const none = board.querySelector(".kb-none");
    const first = (name) => chips.find((chip) => chip.name === name);
    const shown = () => rows.filter((row) => row.getClientRects().length > 0);
    const apply = () => { if (none) none.hidden = shown().length > 0; };
    const parameters = new URLSearchParams(location.search);
    for (const chip of chips) {
      if (parameters.get(chip.name) === chip.value) chip.checked = true;
    }
    const remember = () => {
      const now = new URLSearchParams(location.search);
      for (const chip of chips.filter((one) => one.checked)) {
        if (chip === first(chip.name)) now.delete(chip.name);
        else now.set(chip.name, chip.value);
      }
      const query = now.toString();
      history.replaceState(history.state, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
      apply();
    };
    board.addEventListener("change", remember);
    board.querySelector("[data-kb-clear]")?.addEventListener("click", () => {
      for (const chip of chips) chip.checked = chip === first(chip.name);
      remember();
    });
    apply();

    /* The file beside the page has every result; the view keeps the lines of its rows. */
    const download = board.querySelector("[data-kb-csv]");
    download?.addEventListener("click", async (event) => {
      const visible = shown();
      if (visible.length === rows.length || location.protocol === "file:") return;
      event.preventDefault();
      const names = new Set(visible.map((row) => row.id));
      const [head, ...lines] = (await (await fetch(download.href)).text()).split("\r\n");
      const kept = lines.filter((line) => names.has(line.slice(0, line.indexOf(","))));
      save("leaderboard.csv", `${[head, ...kept].join("\r\n")}\r\n`);
    });
  }

  /* The error page names the pages whose addresses are nearest to the one asked for. */
  const nearest = document.querySelector("[data-kb-nearest]");
  const suggest = async () => {
    const grams = (text) => new Set(Array.from({ length: Math.max(text.length - 2, 0) }, (_, at) => text.slice(at, at + 3)));
    const likeness = (one, other) => {
      const [a, b] = [grams(one), grams(other)];
      const both = [...a].filter((gram) => b.has(gram)).length;
      return both / Math.max(a.size + b.size - both, 1);
    };
    const asked = decodeURIComponent(location.pathname).toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();
    const { docs, items } = await (await fetch(nearest.dataset.kbNearest)).json();
    const pages = (docs ?? items).filter((doc) => doc.location && !doc.location.includes("#")).map((doc) => ({
      ...doc,
      near: Math.max(...[doc.location, doc.title].map((text) => likeness(asked, text.toLowerCase().replace(/<[^>]*>/g, "").replace(/[^a-z0-9]+/g, " ").trim()))),
    }));
    for (const page of pages.sort((one, other) => other.near - one.near).slice(0, 5).filter((one) => one.near > 0.1)) {
      const link = document.createElement("a");
      link.href = new URL(page.location, new URL(nearest.dataset.kbRoot, location.href));
      link.textContent = new DOMParser().parseFromString(page.title, "text/html").body.textContent;
      const item = document.createElement("li");
      item.append(link);
      nearest.append(item);
    }
    nearest.hidden = !nearest.childElementCount;
    document.querySelector("[data-kb-nearest-title]").hidden = nearest.hidden;
  };
  if (nearest) suggest().catch(() => {});
})();
