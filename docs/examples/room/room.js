// One room, for all who open this page: index.html?name=Ann&room=lobby
import {Relay} from "/chat/relay.js";

const query = new URLSearchParams(location.search);
const name = query.get("name") || "somebody";
const room = query.get("room") || "lobby";
const find = (id) => document.getElementById(id);
const here = new Map();

function add(kind, ...parts) {
    const item = document.createElement("li");
    item.className = kind;
    item.append(...parts);
    find("heard").append(item);
}

function show(data) {
    const said = JSON.parse(data);
    const author = document.createElement("b");
    author.textContent = said.name;
    add(said.name === name ? "mine" : "", author, said.text);
}

function meet(said) {
    // A list replaces all; the others come and go.
    if (said.here) here.clear();
    for (const each of said.here ?? [said]) {
        if (said.type === "leave") here.delete(each.id);
        else here.set(each.id, each.info?.name ?? "somebody");
    }
    find("here").replaceChildren(...Array.from(here.values(), (each) => {
        const item = document.createElement("li");
        item.textContent = each;
        return item;
    }));
}

const relay = new Relay(new URL("/chat/", location.href.replace("http", "ws")), {
    onstate: (state, error) => { find("state").textContent = error ? `${state}: ${error.message}` : state; },
});
relay.subscribe(room, show, {
    info: {name},
    onPresence: meet,
    onGap: () => add("note", "Some messages before this are gone."),
    onError: (error) => add("note", `The room is closed: ${error.message}.`),
});
find("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = JSON.stringify({name, text: find("text").value});
    find("text").value = "";
    await relay.publish(room, said).catch((error) => add("note", `Not sent: ${error.message}.`));
});
