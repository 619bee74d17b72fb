"use strict";

// A chart shows the values of the last minutes; there is one each second, or less often.
const MOST_VALUES = 150;
// Younger charts are as wide as that.
const LEAST_VALUES = 30;
const WIDTH = 300;
const HEIGHT = 100;
const MOST_SERIES = 5;

class Chart {
  // The last function returns the top of the scale for the largest value.
  constructor(section, format, scale = roundUp) {
    this.scale = scale;
    this.title = section.querySelector("h2").textContent;
    this.format = format;
    this.series = new Map();
    this.additions = 0;
    this.svg = this.draw("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img"});
    for (const y of [1, HEIGHT / 2, HEIGHT - 1]) {
      this.svg.append(this.draw("line", {class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y}));
    }
    this.most = make("span", "most");
    this.keys = make("ul");
    const frame = make("div", "frame");
    this.collecting = make("span", "collecting", "collecting…");
    frame.append(this.svg, this.most, this.collecting);
    section.append(frame, this.keys);
  }

  draw(tag, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  // Add a value to each series; null stands for none.
  add(values) {
    for (const name of Object.keys(values)) {
      if (!this.series.has(name) && this.series.size < MOST_SERIES) this.begin(name);
    }
    let most = 0;
    let longest = LEAST_VALUES;
    for (const [name, line] of this.series) {
      line.values.push(values[name] ?? null);
      if (line.values.length > MOST_VALUES) line.values.shift();
      most = Math.max(most, ...line.values);
      longest = Math.max(longest, line.values.length);
    }
    // A rate needs two values, and a line needs two rates.
    this.additions += 1;
    this.collecting.hidden = this.additions > 2;
    const top = this.scale(most);
    this.most.textContent = this.format(top);
    const said = [];
    for (const [name, line] of this.series) {
      line.element.setAttribute("points", points(line.values, longest, top));
      const last = line.values[line.values.length - 1];
      const shown = last === null ? "–" : this.format(last);
      line.number.textContent = ` ${shown}`;
      said.push(`${name} ${shown}`);
    }
    this.svg.setAttribute("aria-label", `${this.title}: ${said.join(", ") || "none"}`);
  }

  begin(name) {
    const number = this.series.size + 1;
    const element = this.draw("polyline", {class: `line${number}`});
    this.svg.append(element);
    const item = make("li", `key${number}`, name);
    const shown = make("span");
    item.append(shown);
    this.keys.append(item);
    this.series.set(name, {element, number: shown, values: []});
  }
}

function points(values, longest, top) {
  const first = longest - values.length;
  const x = (index) => (((first + index) * WIDTH) / (longest - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1);
  return values
    .map((value, index) => (value === null ? "" : `${x(index)},${y(value)}`))
    .filter(Boolean)
    .join(" ");
}

// Return 1, 2 or 5 times a power of ten, so that the scale doesn't change all the time.
function roundUp(number) {
  if (number <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= number * 0.999);
}

function roundUpBytes(number) {
  return number <= 1 ? 1 : 2 ** Math.ceil(Math.log2(number));
}
