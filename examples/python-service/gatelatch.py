"""Checks Gatelatch's access tokens, and whether their sessions go on. Needs PyJWT and cryptography."""
import base64, hashlib, os, threading, time, urllib.request
import jwt

ISSUER, AUDIENCE = os.environ.get("JWT_ISSUER", "http://localhost:3000"), os.environ.get("JWT_AUDIENCE", "gatelatch")
URL = os.environ.get("GATELATCH_URL", ISSUER)  # where it is reached: by https, or on this machine
CLAIMS = ["iss", "aud", "client_id", "sub", "sid", "jti", "roles", "ver", "iat", "exp"]
MAX_AGE = 10  # seconds since the last list; then nobody is let in
keys, ended, heard = {}, {}, float("-inf")
NoRedirect = type("NoRedirect", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})

def fetch(name):
    with urllib.request.build_opener(NoRedirect).open(f"{URL}/.well-known/{name}", timeout=3) as answer:
        return answer.read(8 * 1024 * 1024).decode()

def opened(token, typ, required, **checks):
    header = jwt.get_unverified_header(token)
    if header.get("typ") != typ or set(header) != {"alg", "kid", "typ"} or header["kid"] not in keys:
        raise jwt.InvalidTokenError("not signed by the issuer")
    checks.update(algorithms=["ES256"], issuer=ISSUER, leeway=5, options={"require": required})
    return jwt.decode(token, keys[header["kid"]], **checks)

def poll():
    """Hears of what has ended. It stays known until its time is over, whatever a later list lacks."""
    global heard
    asked, text = time.monotonic(), fetch("revocations")
    load_keys = lambda: keys.update({key.key_id: key.key for key in jwt.PyJWKSet.from_json(fetch("jwks.json")).keys})
    if jwt.get_unverified_header(text)["kid"] not in keys: load_keys()
    new = opened(text, "revocations+jwt", ["iss", "iat", "exp"])
    if not set(new["keys"]) <= keys.keys(): load_keys()
    for kid in keys.keys() - set(new["keys"]): del keys[kid]  # revoked
    for kind in ("sessions", "users", "epochs"):
        for id, entry in new.get(kind, {}).items():
            number, until, *kept = [0, entry] if kind == "sessions" else entry
            ended[kind, id] = max(ended.get((kind, id), (0, 0, [])), (number, until, kept))
    for key in [key for key, (_, until, _) in ended.items() if until < time.time() - 5]: del ended[key]
    heard = asked - max(0, time.time() - new["iat"] - 6)  # a list that lay somewhere is as old as it says

def check(token):
    """Returns a status, and the claims or why there are none. What cannot be known is 503, never 401."""
    if time.monotonic() - heard > MAX_AGE: return 503, "temporarily_unavailable"
    try: claims = opened(token, "at+jwt", CLAIMS, audience=AUDIENCE)
    except jwt.ExpiredSignatureError: return 401, "token_expired"
    except (jwt.InvalidTokenError, RecursionError): return 401, "invalid_token"  # or nested deep
    hashed = lambda id: base64.urlsafe_b64encode(hashlib.sha256(f"{ISSUER}\n{id}".encode()).digest()).decode()[:22]
    sid, sub, of_session = hashed(claims["sid"]), hashed(claims["sub"]), claims["client_id"] == AUDIENCE
    epoch, _, kept = ended.get(("epochs", sub), (0, 0, []))
    all_ended = of_session and claims.get("epoch", 0) < epoch and sid not in kept
    if not of_session and claims["client_id"] != claims["sub"]: return 401, "invalid_token"
    if ("sessions", sid) in ended or all_ended: return 401, "session_revoked"
    return (401, "token_stale") if claims["ver"] < ended.get(("users", sub), (0,))[0] else (200, claims)

def listen():
    def forever():
        while True:
            try: poll()
            except Exception as error: print(f"No list of endings: {error}", flush=True)
            time.sleep(1)
    threading.Thread(target=forever, daemon=True).start()
