// The order of the search's results. Sphinx puts this behind its searchtools.js.

// Guides come before reference, and reference before the pages about the project.
const PLACES = [
  [/^(howto|deploy)\//, 12],
  [/^(topics|faq)\//, 8],
  [/^(start|coming-from)\//, 6],
  [/^gallery\//, 2],
  [/^reference\//, -8],
  [/^(house|stability|reliability|conformance|fuzzing|performance|pythons)$/, -12],
];
const NAMED = 40;
const TITLED = 20;

let searched = [];

var Scorer = {
  score([page, title, , , score, , kind]) {
    const [, place] = PLACES.find(([pattern]) => pattern.test(page)) || [null, 0];
    const name = page.replace(/^.*\//, "");
    // A page about the words comes before a page that has them.
    const about = (text) => searched.length > 0 && searched.every((word) => text.toLowerCase().includes(word));
    const named = kind === SearchResultKind.text && about(name) ? NAMED : 0;
    const titled = kind !== SearchResultKind.object && about(title) ? TITLED : 0;
    return score + place + named + titled;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

// Sphinx skips words of digits only; people look for 1006 and 426. docs/numbers_found.py puts them into the index.
const parseQuery = Search._parseQuery;
Search._parseQuery = (query) => {
  const parsed = parseQuery(query);
  const [, terms, , highlighted] = parsed;
  for (const number of splitQuery(query).filter((word) => /^\d{3,}$/.test(word))) {
    terms.add(number);
    highlighted.add(number);
  }
  searched = [...terms];
  return parsed;
};
