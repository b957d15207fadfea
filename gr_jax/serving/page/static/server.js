// Requests to the server; an answer that is an error becomes one.

import { inWords } from "./sentences.js";

const STARTS = 120; // Seconds.

export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const setToken = (token) => sessionStorage.setItem("token", token);
export const hasToken = () => Boolean(sessionStorage.getItem("token"));

// A header holds bytes, as characters up to 255.
const utf8 = (text) => String.fromCharCode(...new TextEncoder().encode(text));

async function request(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem("token");
  if (token) headers.authorization = `Bearer ${utf8(token)}`;
  const response = await answered(path, { ...options, headers });
  const found = await response.json().catch(() => ({}));
  if (response.ok) return found;
  const message = found.error ?? `the server answered ${response.status}.`;
  throw new ServerError(response.status, inWords(message));
}

// While the server starts or reloads it says so and does nothing.
async function answered(path, options) {
  for (let tries = 0; ; tries++) {
    let response;
    try {
      response = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ServerError(0, "The server does not answer.");
    }
    if (response.status !== 503 || tries === STARTS) return response;
    await new Promise((done) => setTimeout(done, 1000));
  }
}

export const get = (path, parameters = {}, signal) =>
  request(`${path}?${new URLSearchParams(parameters)}`, { signal });

export const post = (path, body, signal) =>
  request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });

const records = new Map();

// The record of an item; null where there is none.
export async function item(id) {
  if (!records.has(id)) {
    try {
      remember(await get(`items/${encodeURIComponent(id)}`));
    } catch (error) {
      if (error.status !== 404) throw error;
      return null;
    }
  }
  return records.get(id);
}

export const forget = (id) => records.delete(id);

export const remember = (record) => records.set(record.id, record);
