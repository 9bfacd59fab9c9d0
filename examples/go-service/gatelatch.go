package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// Gatelatch checks access tokens, and knows what has ended. Where it cannot know, nobody is let in.
type Gatelatch struct {
	url, issuer, audience string
	mutex                 sync.RWMutex
	keys                  map[string]*ecdsa.PublicKey
	good                  map[any]bool     // the keys that the list names
	ended                 map[string][]any // "users <hash>": the least good number, until when, what is spared
	heard                 time.Time
}

var parser = jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}))
var client = &http.Client{Timeout: 3 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Another clock may be 5 seconds ahead.
func init() { jwt.TimeFunc = func() time.Time { return time.Now().Add(5 * time.Second) } }

// Check returns a status, and the claims or why there are none.
func (g *Gatelatch) Check(token string) (int, string, jwt.MapClaims) {
	g.mutex.RLock()
	defer g.mutex.RUnlock()
	if time.Since(g.heard) > 10*time.Second {
		return 503, "temporarily_unavailable", nil
	}
	c, err := g.opened(token, "at+jwt", "aud", "client_id", "sub", "sid", "jti", "roles", "ver")
	if errors.Is(err, jwt.ErrTokenExpired) {
		return 401, "token_expired", nil
	}
	ofSession := c["client_id"] == g.audience
	if err != nil || c["aud"] != g.audience || !ofSession && c["client_id"] != c["sub"] {
		return 401, "invalid_token", nil
	}
	sid, sub := g.hash(c["sid"]), g.hash(c["sub"])
	epoch, all := g.ended["epochs "+sub]
	if g.ended["sessions "+sid] != nil || all && ofSession && number(c["epoch"]) < number(epoch[0]) && sid != epoch[2] {
		return 401, "session_revoked", nil
	}
	if user := g.ended["users "+sub]; user != nil && number(c["ver"]) < number(user[0]) {
		return 401, "token_stale", nil
	}
	return 200, "", c
}

// Poll asks what has ended. It stays known until its time is over, whatever a later list lacks.
func (g *Gatelatch) Poll() error {
	asked := time.Now()
	text, err := g.fetch("revocations")
	if err != nil {
		return err
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	list, err := g.opened(string(text), "revocations+jwt", "keys", "sessions", "users")
	if err != nil || !g.haveAll(list["keys"]) { // perhaps there is a new key
		if err = g.fetchKeys(); err == nil {
			list, err = g.opened(string(text), "revocations+jwt", "keys", "sessions", "users")
		}
	}
	if err != nil {
		return err
	}
	g.good = map[any]bool{}
	kids, _ := list["keys"].([]any)
	for _, kid := range kids {
		g.good[kid] = true
	}
	for _, kind := range []string{"sessions", "users", "epochs"} {
		entries, _ := list[kind].(map[string]any)
		for id, value := range entries {
			entry, isList := value.([]any)
			if !isList {
				entry = []any{0.0, value}
			}
			if old := g.ended[kind+" "+id]; old == nil || number(entry[0]) >= number(old[0]) {
				g.ended[kind+" "+id] = append(entry, nil)
			}
		}
	}
	for id, entry := range g.ended {
		if number(entry[1]) < float64(time.Now().Unix()-5) {
			delete(g.ended, id)
		}
	}
	// A list that lay somewhere is as old as it says.
	if lay := time.Since(time.Unix(int64(number(list["iat"])), 0)) - 6*time.Second; lay > 0 {
		asked = asked.Add(-lay)
	}
	g.heard = asked
	return nil
}

// opened checks header, signature, issuer and times, and that these claims are there.
func (g *Gatelatch) opened(token, typ string, needed ...string) (jwt.MapClaims, error) {
	c := jwt.MapClaims{}
	_, err := parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		isGood := g.keys[kid] != nil && (g.good[kid] || typ != "at+jwt")
		if isGood && t.Header["typ"] == typ && len(t.Header) == 3 {
			return g.keys[kid], nil
		}
		return nil, errors.New("not signed by the issuer")
	})
	for _, name := range append(needed, "iat", "exp") {
		if err == nil && c[name] == nil {
			err = errors.New("it lacks " + name)
		}
	}
	if err == nil && c["iss"] != g.issuer {
		err = errors.New("it is of another issuer")
	}
	return c, err
}

func (g *Gatelatch) fetch(name string) ([]byte, error) {
	answer, err := client.Get(g.url + "/.well-known/" + name)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s answered %d", name, answer.StatusCode)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 8<<20))
}

func (g *Gatelatch) fetchKeys() error {
	text, err := g.fetch("jwks.json")
	var set struct {
		Keys []struct{ Kid, Alg, X, Y string }
	}
	if err == nil {
		err = json.Unmarshal(text, &set)
	}
	for _, jwk := range set.Keys {
		x, _ := base64.RawURLEncoding.DecodeString(jwk.X)
		y, _ := base64.RawURLEncoding.DecodeString(jwk.Y)
		key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		if jwk.Alg == "ES256" && key.IsOnCurve(key.X, key.Y) {
			g.keys[jwk.Kid] = key
		}
	}
	return err
}

func (g *Gatelatch) haveAll(kids any) bool {
	for _, kid := range kids.([]any) {
		if g.keys[fmt.Sprint(kid)] == nil {
			return false
		}
	}
	return true
}

func (g *Gatelatch) hash(id any) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\n%s", g.issuer, id)))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

func number(value any) float64 {
	n, _ := value.(float64)
	return n
}
