import { promisify } from 'node:util';
import converter from 'openapi-to-postmanv2';

const convert = promisify(converter.convertV2);

/**
 * Each operation as a Postman request, with an example of its successful response.
 * @param document an OpenAPI document
 * @returns {Promise<Map<string, object>>} by operationId
 */
export async function requestsOf(document) {
  const { result, reason, output } = await convert(
    { type: 'json', data: reduced(document) },
    { parametersResolution: 'Example', includeAuthInfoInExample: false },
  );
  if (!result) throw new Error(reason);
  return new Map(itemsIn(output[0].data).map((item) => [item.name, item]));
}

/**
 * Only successful responses, with examples instead of schemas: from a schema the converter invents other values each
 * time. Named by operationId, because the converter uses summaries.
 */
function reduced(document) {
  const copy = structuredClone(document);
  // What the server sends is nothing to send to it.
  delete copy.webhooks;
  for (const operation of Object.values(copy.paths).flatMap(Object.values)) {
    operation.summary = operation.operationId;
    operation.parameters = [];
    operation.responses = Object.fromEntries(Object.entries(operation.responses).filter(([code]) => code < '300'));
    for (const place of [operation.requestBody, ...Object.values(operation.responses)]) dropSchemas(place);
  }
  return copy;
}

function dropSchemas(place) {
  for (const [type, { example }] of Object.entries(place?.content ?? {}))
    place.content[type] = example === undefined ? {} : { example };
}

function itemsIn(folder) {
  return folder.item.flatMap((entry) => (entry.item ? itemsIn(entry) : [entry]));
}
