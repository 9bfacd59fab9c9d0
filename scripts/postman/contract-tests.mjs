/** The tests of every request, from the contract of its response. @returns {string[]} lines of a Postman script */
export function contractTests({ status, type, schema }, { refused, cacheable }) {
  return [
    ...test(`answers ${status}`, `pm.response.to.have.status(${status});`),
    ...(type ? contentTests(type, schema) : test('has no body', "pm.expect(pm.response.text()).to.equal('');")),
    ...(refused ? test(`says ${refused}`, `pm.expect(pm.response.json().code).to.equal('${refused}');`) : []),
    ...(status === 401 ? challengeTest : []),
    ...(cacheable ? keptTest : notKeptTest),
    ...test(
      'tells the id under which the log has it',
      "pm.expect(pm.response.headers.get('X-Request-Id')).to.match(/^[0-9a-f-]{36}$/);",
    ),
  ];
}

const challengeTest = test(
  'tells how to be let in',
  `pm.expect(pm.response.headers.get('WWW-Authenticate')).to.include('Bearer realm="gatelatch"');`,
);

const notKeptTest = test(
  'is kept by no cache',
  "pm.expect(pm.response.headers.get('Cache-Control')).to.equal('no-store');",
);

const keptTest = test(
  'may be kept by caches',
  "pm.expect(pm.response.headers.get('Cache-Control')).not.to.include('no-store');",
);

function contentTests(type, schema) {
  const typeTest = test(
    `is ${type}`,
    `pm.expect(pm.response.headers.get('Content-Type')).to.match(/^${pattern(type)}(;|$)/);`,
  );
  if (!type.endsWith('json')) return typeTest;
  return [
    ...typeTest,
    ...test(
      'has the form that the contract promises',
      `const schema = ${JSON.stringify(schema)};`,
      'pm.response.to.have.jsonSchema(schema);',
    ),
  ];
}

const pattern = (text) => text.replace(/[/+.]/g, '\\$&');

function test(title, ...lines) {
  return [`pm.test('${title}', () => {`, ...lines.map((line) => `  ${line}`), '});'];
}
