// A client of txws2.relay for browsers: it reconnects, and goes on where it was.
//   const relay = new Relay("wss://example.com/");
//   relay.subscribe("lobby", (data, at) => show(data)); await relay.publish("lobby", "hello");
// The option onstate is a function, called with "open", "waiting" and "closed".
const PROTOCOL = "relay.1.txws2";
const FINAL = [1002, 1003, 1007, 1008, 1009, 1010];

const toBase64 = bytes => btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
const fromBase64 = text => Uint8Array.from(atob(text), each => each.charCodeAt(0));
const payload = data => typeof data === "string" ? {data} : {base64: toBase64(new Uint8Array(data))};
const failure = said => Object.assign(new Error(said.text), {code: said.code, wait: said.wait});

export class Relay {
    constructor(url, {minimum = 500, maximum = 30000, onstate = () => {}} = {}) {
        Object.assign(this, {url, minimum, maximum, onstate, delay: minimum, count: 0});
        [this.rooms, this.unanswered] = [new Map(), new Map()];
        this.name = toBase64(crypto.getRandomValues(new Uint8Array(9)));
        // A browser may keep a page that was left, with its connections. On return, it reconnects.
        addEventListener("pagehide", () => this.socket.close());
        this.connect();
    }

    // onMessage is called with the data (text, or a Uint8Array) and "EPOCH:OFFSET".
    subscribe(room, onMessage, {since, info, onGap, onPresence, onError} = {}) {
        const [epoch, offset] = since?.split(":") ?? [];
        this.rooms.set(room, {onMessage, info, onGap, onPresence, onError, epoch, offset: +offset});
        this.join(room);
    }

    leave(room) {
        if (this.rooms.delete(room)) this.send({type: "leave", room});
    }

    // The promise has "EPOCH:OFFSET". After a lost connection, the message is sent again.
    publish(room, data) {
        const id = `${this.name}-${++this.count}`;
        const said = {type: "publish", room, id, ...payload(data)};
        return new Promise((resolve, reject) => {
            this.unanswered.set(id, {said, resolve, reject});
            this.send(said);
        });
    }

    close(error = new Error("the relay was closed")) {
        this.closed = true;
        clearTimeout(this.timer);
        this.socket?.close();
        for (const {reject} of this.unanswered.values()) reject(error);
        this.unanswered.clear();
        this.onstate("closed", error);
    }

    connect() {
        const socket = this.socket = new WebSocket(this.url, PROTOCOL);
        socket.onopen = () => {
            for (const room of this.rooms.keys()) this.join(room);
            for (const {said} of this.unanswered.values()) this.send(said);
            this.onstate("open");
        };
        socket.onmessage = event => this.hear(JSON.parse(event.data));
        socket.onclose = ({code, reason}) => {
            if (this.closed) return;
            if (FINAL.includes(code) || (code >= 4400 && code < 4500))
                return this.close(failure({code, text: reason || `closed with ${code}`}));
            this.onstate("waiting");
            this.timer = setTimeout(() => this.connect(), this.delay * (0.5 + Math.random() / 2));
            this.delay = Math.min(this.delay * 2, this.maximum);
        };
    }

    send(said) {
        if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(said));
    }

    join(room) {
        const {epoch, offset, info} = this.rooms.get(room);
        this.send({type: "join", room, info, since: epoch && `${epoch}:${offset}`});
    }

    hear(said) {
        const room = this.rooms.get(said.room);
        this.delay = this.minimum;
        if (said.type === "message" && room && said.offset > room.offset) {
            room.offset = said.offset;
            room.onMessage(said.data ?? fromBase64(said.base64), `${room.epoch}:${said.offset}`);
        } else if ((said.type === "joined" || said.type === "gap") && room) {
            Object.assign(room, {epoch: said.epoch, offset: said.offset});
            if (said.type === "gap" || said.gap) room.onGap?.(`${said.epoch}:${said.offset}`);
        } else if (said.type === "published" || (said.type === "error" && said.to === "publish")) {
            const waiting = this.unanswered.get(said.id);
            this.unanswered.delete(said.id);
            if (said.type === "error") waiting?.reject(failure(said));
            else waiting?.resolve(`${said.epoch}:${said.offset}`);
        } else if (said.type === "error" && said.to === "join" && room) {
            this.rooms.delete(said.room);
            room.onError?.(failure(said));
        }
        if (["joined", "here", "join", "leave"].includes(said.type)) room?.onPresence?.(said);
    }
}
