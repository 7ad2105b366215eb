// One dialog for all that changes the running process: what is asked for, for how long and why, and what came of it.
import { ask, holdsSecret, useSecret } from "./asking.js";
import { dim, make } from "./elements.js";

const FOR = { name: "for", label: "For how long", placeholder: "10m; empty: until it is changed back" };
const WHY = { name: "why", label: "Why", placeholder: "what others should know" };
const BY = { name: "by", label: "Who", placeholder: "your name" };
const REASON = { ...WHY, name: "reason", placeholder: "kept in the log" };
let who = "";  // asked for once
let refused = "", needed = true;

// Learns whether anything can be done here, and whether that needs the secret.
export async function learn() {
  const actions = await ask("/-/actions");
  refused = actions.find((one) => one.refused)?.refused || "";
  needed = actions.some((one) => one.secret);
}
// Why nothing can be done here, whatever is shown; empty where something can.
export const barred = () => refused;
// A button that sends a form, which asks for no secret itself.
export function submit(label) {
  const why = refused || (needed && !holdsSecret() ? "This needs the secret of `server.admin`: give it at the top of the page." : "");
  return why ? [make("button", { disabled: true, "aria-describedby": "why-not" }, label), make("span", { id: "why-not" }, dim(why))] : make("button", {}, label);
}

// A button that opens the dialog; `key` finds it again when the view is drawn anew.
export const offer = (label, action, kind) => make("button", { type: "button", class: kind || "small", "data-key": `${action.title} ${label} ${action.given?.id ?? ""}`,
  "aria-haspopup": "dialog", disabled: Boolean(refused), title: refused || null, onclick: () => open(action) }, label);

const field = (given) => make("label", {}, given.label, given.options
  ? make("select", { name: given.name }, given.options.map((one) => make("option", { value: one }, one || "as it is")))
  : make("input", { name: given.name, type: given.type || "text", placeholder: given.placeholder, value: given.name === "by" ? who : null,
    required: given.required, autocomplete: "off", spellcheck: "false" }));

function open({ title, words, name, given, fields = [], done }) {
  const dialog = document.getElementById("action"), opener = document.activeElement?.dataset?.key;
  const secret = holdsSecret() || !needed ? [] : [{ name: "secret", label: "Secret of server.admin", type: "password", required: true }];
  const result = make("div", { "aria-live": "polite" }), go = make("button", { class: "go" }, title);
  const close = make("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = make("form", { class: "fields", onsubmit: (event) => {
    event.preventDefault();
    const said = Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, value.trim()]).filter(([, value]) => value));
    if (said.secret) useSecret(said.secret);
    delete said.secret;
    who = said.by || who;
    if (said.why) said.reason = said.why;  // the log of actions keeps a reason, whatever else is told why
    act(name, { ...given, ...said }, { form, go, close, result, done });
  } }, ...[...fields, ...secret].map(field), result, make("div", { class: "row" }, go, close));
  dialog.replaceChildren(make("h2", { id: "action-title" }, title), words ? dim(words) : "", form);
  dialog.onclose = () => {
    if (dialog.open) return;  // it has been opened anew before this was told
    dialog.replaceChildren();
    const found = opener && [...document.querySelectorAll("main [data-key]")].find((one) => one.dataset.key === opener);
    (found || document.getElementById("view")).focus({ preventScroll: true });
  };
  dialog.showModal();
}

async function act(name, given, { form, go, close, result, done }) {
  go.disabled = true;
  result.replaceChildren(dim("Asking…"));
  try {
    const told = await ask(`/-/${name}`, given);
    result.replaceChildren(make("p", { class: "good", role: "status" }, done(told)));
    for (const one of form.querySelectorAll("label")) one.remove();
    go.remove();
    close.textContent = "Close";
    close.focus();
    dispatchEvent(new Event("acted"));
  } catch (error) {
    result.replaceChildren(make("p", { class: "bad", role: "alert" }, error.message));
    go.disabled = false;
  }
}

const named = ({ kind, name, part }) => part && name ? `${kind} ${part} of ${name}` : `${kind} ${name || part}`;
const isSame = (one, other) => one.kind === other.kind && one.name === other.name && (one.part || "") === (other.part || "");

export const switchOff = (target) => offer("Switch off…", { title: `Switch off ${named(target)}`, name: "switch", given: { turn: "off", ...target },
  words: "Requests and calls that need it are answered at once, as the file says for what is switched off.", fields: [FOR, WHY, BY],
  done: (offs) => {
    const off = offs.find((one) => isSame(one, target));
    return off?.until ? `It is switched off until ${new Date(off.until * 1000).toLocaleTimeString()}.` : "It is switched off until somebody switches it on.";
  } });
export const switchOn = (target) => offer("Switch on…", { title: `Switch on ${named(target)}`, name: "switch", given: { turn: "on", ...target }, fields: [WHY, BY],
  done: () => "It is switched on." });
// The button that `offs`, what is switched off now, leaves to do; what the calendar has switched off is in the file.
export function switching(target, offs) {
  const off = offs.find((one) => isSame(one, target));
  if (!off) return switchOff(target);
  return off.by === "maintenance" ? make("span", { class: "warn" }, "off by the calendar") : switchOn(target);
}

const ORDERS = {
  open: ["Open", "It is called no more", "No call goes to it until this ends; each fails at once."],
  close: ["Close", "It is called whatever happens", "It is called however many calls fail."],
  auto: ["Release", "It decides by itself", "The breaker opens and closes as the file says."],
};
export const breaking = (upstream) => Object.entries(ORDERS).map(([order, [label, told, words]]) => offer(`${label}…`, { words,
  title: `${label} the breaker of ${upstream}`, name: "breaker", given: { upstream, order },
  fields: [...(order === "auto" ? [] : [FOR]), WHY, BY], done: () => `${told}.` }));

export const effecting = (order, label, which, title) => offer(label, { title, name: "effect", given: { order, ...which },
  fields: [REASON, BY], done: (told) => `${told[order]} of them: ${order === "discard" ? "removed" : "will be sent"}.` });

const LEVELS = ["", "debug", "info", "warning", "error", "auto"], FORMATS = ["", "json", "text", "combined", "auto"];
export const logging = () => offer("Change the log…", { title: "Change the log", name: "log", words: "auto is what the file says.",
  fields: [{ name: "level", label: "Level", options: LEVELS }, { name: "format", label: "Format", options: FORMATS }, FOR, REASON, BY],
  done: (told) => `The log writes ${told.level}, as ${told.format}.` });

export const reloading = () => offer("Load the file again…", { title: "Load the file again", name: "reload", words: "A file that is wrong changes nothing.",
  fields: [REASON], done: (told) => `It is ${told.verdict}: generation ${told.generation}.` });
