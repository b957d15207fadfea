// Sentences of the server in the words of the page.

// The server names fields as programs know them; the page has labels.
const SENTENCES = [
  [
    /^filters\.price has min (\S+) above max (\S+)\.$/,
    "No price is from $1 to $2: the first must be the lower one.",
  ],
  [
    /^filters\.categories names '(.*)', which .*$/,
    "The catalogue has no category “$1”. Pick one from the list.",
  ],
  [/^query '(.*)' holds no word\.$/, "There is no word in “$1”."],
  [/^history\[\d+\]\.days_ago must be/, "Days ago must be"],
  [/^history\[\d+\](\.id)?/, "What was bought before"],
  [/^history/, "What was bought before"],
  [/^filters\.price(\.(min|max))?/, "The price"],
  [/^filters\.categories(\[\d+\])?/, "A category"],
  [/^filters\.exclude/, "What was bought before"],
  [/^profile\.user_id/, "The user id"],
  [/^profile/, "The profile"],
  [/^add\[0\]\.id/, "The id"],
  [/^add\[0\]\.text/, "The text"],
  [/^add\[0\]\.category/, "The category"],
  [/^(add\[0\]\.price|prices\.\S+)/, "The price"],
  [/^item '.*' has category '(.*)'; give/, "“$1” is no category; give"],
  [/^this token may only read\.$/, "This token may only read."],
];

export function inWords(sentence) {
  const found = SENTENCES.find(([pattern]) => pattern.test(sentence));
  const text = found ? sentence.replace(...found) : sentence;
  return text[0].toUpperCase() + text.slice(1);
}

// How the words of a query were read; "" where as they stand.
export function readAs({ read_as: known, unknown_words: unknown }) {
  const parts = Object.entries(known).map(
    ([word, as]) => `“${word}” as “${as}”`,
  );
  const sentences = [
    parts.length && `read ${joined(parts)}`,
    unknown.length &&
      `nothing is known of ${joined(unknown.map((word) => `“${word}”`))}`,
  ].filter(Boolean);
  if (!sentences.length) return "";
  const text = sentences.join("; ");
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

const joined = (parts) =>
  [parts.slice(0, -1).join(", "), parts.at(-1)].filter(Boolean).join(" and ");
