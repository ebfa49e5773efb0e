/* The theme asks for the index of the search on every page; it is most of what a page weighs.
   Here the request waits until a reader turns to the search. Runs before the theme's own script. */
"use strict";

(() => {
  const wanted = new Promise((resolve) => {
    const turned = (event) => event.target.closest?.('.md-search, [for="__search"]') && resolve();
    for (const kind of ["focusin", "pointerover", "touchstart"]) addEventListener(kind, turned, { passive: true });
    if (new URLSearchParams(location.search).has("q")) resolve(); // a shared search
  });
  const { open, send } = XMLHttpRequest.prototype;
  const waiting = new WeakSet();
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    if (/\/search(_index)?\.json$/.test(url)) waiting.add(this);
    return open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (...body) {
    if (waiting.has(this)) wanted.then(() => send.apply(this, body));
    else send.apply(this, body);
  };
})();
