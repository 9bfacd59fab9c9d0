import { known } from './people.mjs';

/** The page on which one says who one is. Nothing is proven here: Corp is pretended. */
export function loginPage({ hint = '' } = {}) {
  const buttons = known.map(({ id, name }) => `<button name="person" value="${id}">${name}</button>`).join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Corp</title>
<link rel="icon" href="data:,">
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 3rem auto; padding: 0 1rem }
  form { display: grid; gap: .75rem; margin-block: 1.5rem }
  button, input { font: inherit; padding: .5rem }
</style>
<main>
<h1>Corp</h1>
<p>A pretended company. Who are you?</p>
<form method="post">
${buttons}
</form>
<form method="post">
<label for="person">Somebody else</label>
<input id="person" name="person" value="${escaped(hint)}" pattern="[a-z][a-z0-9.\\-]*" autocomplete="off" required>
<button>Sign in</button>
</form>
<form method="post"><button name="cancel" value="yes">Cancel</button></form>
</main>
</html>
`;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
