/** What the collection needs of an operation in the OpenAPI document. */
export function operationIn(document, operationId) {
  const operations = Object.values(document.paths).flatMap(Object.values);
  const operation = operations.find((one) => one.operationId === operationId);
  if (!operation) throw new Error(`The document has no operation ${operationId}.`);
  return {
    summary: operation.summary,
    description: operation.description,
    signedIn: operation.security.some((way) => 'bearer' in way),
    /** @param refused the code of a refusal; without it, the successful response */
    answer: (refused) => answerOf(inlined(operation.responses, document), refused),
  };
}

function answerOf(responses, refused) {
  const isMeant = ([status, response]) => (refused === undefined ? status < '300' : says(response, refused));
  const found = Object.entries(responses).find(isMeant);
  if (!found) throw new Error(`The document has no answer with ${refused}.`);
  const [status, { content = {} }] = found;
  const [[type, media] = []] = Object.entries(content);
  return { status: Number(status), type, schema: media?.schema };
}

/** Every refusal is a Problem and has one of a few codes. */
function says(response, code) {
  const { allOf } = response.content?.['application/problem+json']?.schema ?? {};
  return allOf?.every(({ properties }) => properties.code.enum.includes(code)) ?? false;
}

const explaining = ['example', 'examples', 'description'];

/** A script has no document for references, and explanations would make it long. */
function inlined(value, document) {
  if (Array.isArray(value)) return value.map((item) => inlined(item, document));
  if (typeof value !== 'object' || value === null) return value;
  if ('$ref' in value) return inlined(lookUp(value.$ref, document), document);
  const isSaidByFormat = (name) => name === 'pattern' && 'format' in value;
  return mapped(value, (item, name) => {
    if (explaining.includes(name) || isSaidByFormat(name)) return undefined;
    // Property names are free, so they may equal a keyword.
    return name === 'properties' ? mapped(item, (property) => inlined(property, document)) : inlined(item, document);
  });
}

function mapped(values, change) {
  const changed = Object.entries(values).map(([name, value]) => [name, change(value, name)]);
  return Object.fromEntries(changed.filter(([, value]) => value !== undefined));
}

function lookUp(reference, document) {
  return reference
    .split('/')
    .slice(1)
    .reduce((place, name) => place[name], document);
}
