"use strict";
// Fills and searches the list of all tests. Text from tests only ever becomes the text of a node.
(() => {
  const PAGE = 100;
  const RANK = ["failed", "error", "flaky", "skipped", "xfailed", "xpassed", "passed"];
  const at = (id) => document.getElementById(id);
  const list = at("list");
  if (!list) return;
  const data = JSON.parse(at("data").textContent);
  const size = data.name.length;
  const full = (i) => data.files[data.file[i]] + (data.name[i] ? "::" + data.name[i] : "");
  const haystack = Array.from({ length: size }, (_, i) => (full(i) + " " + (data.notes[i] || "")).toLowerCase());
  const state = { query: "", outcomes: new Set(), check: "", sort: "status", down: false, limit: PAGE };

  const node = (name, text, style) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  };
  const took = (ms) => (ms < 1000 ? Math.round(ms) + " ms" : ms < 60000 ? (ms / 1000).toFixed(1) + " s"
    : Math.floor(ms / 60000) + " min " + Math.round((ms % 60000) / 1000) + " s");

  const keys = {
    status: (i) => RANK.indexOf(data.outcome[i]),
    time: (i) => -data.ms[i],
    check: (i) => data.check[i],
    name: null,
  };
  const matching = () => {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (let i = 0; i < size; i++) {
      if (state.outcomes.size && !state.outcomes.has(data.outcome[i])) continue;
      if (state.check && data.checks[data.check[i]] !== state.check) continue;
      if (words.every((word) => haystack[i].includes(word))) found.push(i);
    }
    const key = keys[state.sort];
    const order = key ? (a, b) => key(a) - key(b) || a - b
      : (a, b) => (haystack[a] < haystack[b] ? -1 : haystack[a] > haystack[b] ? 1 : a - b);
    found.sort(order);
    return state.down ? found.reverse() : found;
  };

  const row = (i) => {
    const made = node("tr");
    const status = node("td");
    status.append(node("span", data.outcome[i], "badge " + data.outcome[i]));
    const name = node("td");
    const code = node("code");
    code.append(node("span", data.files[data.file[i]] + (data.name[i] ? "::" : ""), "file"), data.name[i]);
    name.append(code);
    if (data.notes[i]) name.append(node("small", data.notes[i]));
    made.append(status, name, node("td", took(data.ms[i])), node("td", data.checks[data.check[i]]));
    return made;
  };

  let found = [];
  const draw = () => {
    at("rows").replaceChildren(...found.slice(0, state.limit).map(row));
    const shown = Math.min(state.limit, found.length);
    at("shown").textContent = `${shown.toLocaleString("en")} of ${found.length.toLocaleString("en")} matching tests shown`;
    at("more").hidden = shown === found.length;
    for (const head of list.querySelectorAll("th")) {
      const own = head.firstElementChild.dataset.sort === state.sort;
      if (own) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };
  const update = () => { state.limit = PAGE; found = matching(); draw(); };

  const counts = new Map();
  for (const outcome of data.outcome) counts.set(outcome, (counts.get(outcome) || 0) + 1);
  for (const outcome of RANK.filter((name) => counts.has(name))) {
    const button = node("button", `${outcome} ${counts.get(outcome).toLocaleString("en")}`);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = !state.outcomes.delete(outcome);
      if (on) state.outcomes.add(outcome);
      button.setAttribute("aria-pressed", String(on));
      update();
    });
    at("outcomes").append(button);
  }
  for (const check of data.checks) at("check").append(new Option(check, check));
  at("check").addEventListener("change", (event) => { state.check = event.target.value; update(); });
  at("query").addEventListener("input", (event) => { state.query = event.target.value; update(); });
  at("search").addEventListener("submit", (event) => event.preventDefault());
  at("more").addEventListener("click", () => {
    const first = state.limit;
    state.limit += PAGE;
    draw();
    const next = at("rows").children[first];
    if (next) { next.tabIndex = -1; next.focus({ preventScroll: true }); }
  });
  for (const button of list.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      state.down = state.sort === button.dataset.sort && !state.down;
      state.sort = button.dataset.sort;
      update();
    });
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); at("query").focus(); }
  });
  at("search").hidden = list.hidden = false;
  update();
})();
