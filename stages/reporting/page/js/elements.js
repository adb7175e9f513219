// --- Elements that the script makes

// Attributes with a dash are set as they are, all others as properties.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

// An element with a text in each language, or with its name for screen readers in each.
function spoken(made, texts) {
  Object.assign(made.dataset, texts);
  made.textContent = texts[root.lang];
  return made;
}
const texts = (section, key) => Object.fromEntries(Object.keys(data.strings).map((lang) => [lang, data.strings[lang][section][key]]));
const titlesOf = (name) => data.titles[name] ?? { en: name, ko: name };
