"""Greets who has a good access token: python3 service.py"""
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from gatelatch import check, listen

class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        status, found = check(token.strip()) if scheme.lower() == "bearer" else (401, "unauthenticated")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status == 401: self.send_header("WWW-Authenticate", 'Bearer realm="hello"')
        if status == 503: self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(json.dumps({"hello": found["sub"]} if status == 200 else {"code": found}).encode())

listen()
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "4000"))), Service)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
