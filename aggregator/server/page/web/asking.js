// What the page asks of the address of administration: answers, events, and the secret, which is kept in memory alone.
let secret = "";
export const holdsSecret = () => secret !== "";
export const useSecret = (text) => { secret = text.trim(); };
const headers = () => secret ? { authorization: `Bearer ${secret}` } : {};

export class Refused extends Error {
  constructor(answer, data) {
    super(data.detail || `The server answers with ${answer.status}.`);
    this.status = answer.status;
  }
}
const refusal = async (answer) => new Refused(answer, await answer.json().catch(() => ({})));

// Returns the data at `path`; with an object `given` it is an action. Throws `Refused` with the words of the problem.
export async function ask(path, given) {
  const options = given === undefined ? {} : { method: "POST", body: JSON.stringify(given) };
  const answer = await fetch(path, { ...options, headers: headers(), cache: "no-store", redirect: "error" });
  if (!answer.ok) throw await refusal(answer);
  return answer.json();
}

// Hands each event to `take(name, data)` until the stream ends or `signal` does; throws what `fetch` throws, or `Refused`.
export async function follow(query, signal, take) {
  const answer = await fetch(`/-/events?${query}`, { headers: headers(), signal, cache: "no-store" });
  if (!answer.ok) throw await refusal(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let waiting = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const text of events) {
      const found = /^event: (\w+)\ndata: (.*)$/s.exec(text);
      if (found) take(found[1], JSON.parse(found[2]));
    }
  }
}

export const isUnreachable = (error) => error instanceof TypeError && error.message.includes("fetch");
