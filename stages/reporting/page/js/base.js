"use strict";
// What the other scripts use. They are joined in the order of SCRIPTS in __init__.py.

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const word = (section, key) => data.strings[root.lang][section][key] ?? key;
// A text, or its forms for a count: as in stages/presentation/words/__init__.py, but by the browser's own rules.
const filled = (text, fields) => (text.other === undefined ? text
  : text[new Intl.PluralRules(root.lang).select(fields.count)] ?? text.other)
  .replace(/\{(\w+)\}/g, (_, name) => fields[name]);

// The content of an element that packed.py has packed, as a Response.
async function unpacked(id) {
  const { body } = await fetch(`data:;base64,${document.getElementById(id).textContent}`);
  return new Response(body.pipeThrough(new DecompressionStream("deflate")));
}

const memory = {  // a browser may forbid it
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* then it is not remembered */ } },
};
// A part of an address, as it is where it is not encoded rightly: "100%".
const decoded = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
