// Greets who has a good access token.
package main

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

func main() {
	issuer := setting("JWT_ISSUER", "http://localhost:3000")
	url, audience := setting("GATELATCH_URL", issuer), setting("JWT_AUDIENCE", "gatelatch")
	g := &Gatelatch{url: url, issuer: issuer, audience: audience, keys: map[string]*ecdsa.PublicKey{}, ended: map[string][]any{}}
	go func() {
		for ; ; time.Sleep(time.Second) {
			if err := g.Poll(); err != nil {
				log.Printf("No list of endings: %v", err)
			}
		}
	}()

	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		status, code, c := 401, "unauthenticated", jwt.MapClaims(nil)
		if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
			status, code, c = g.Check(strings.TrimSpace(token))
		}
		body := map[string]any{"code": code}
		switch status {
		case 200:
			body = map[string]any{"hello": c["sub"]}
		case 401:
			w.Header().Set("WWW-Authenticate", `Bearer realm="hello"`)
		case 503:
			w.Header().Set("Retry-After", "1")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "4000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
