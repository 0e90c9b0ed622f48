package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// The sessions in use. An ended one is replaced, so that most operations meet a live one.
type places struct {
	prefix      string
	generations []int64
	lock        sync.Mutex
	ids         map[string][]string // of a session: all that rotations answered
}

// One of the ids of a session, the first or one that a rotation gave it.
func (p *places) anyId(session string, random *rand.Rand) string {
	p.lock.Lock()
	defer p.lock.Unlock()
	ids := p.ids[session]
	if at := random.Intn(len(ids) + 1); at < len(ids) {
		return ids[at]
	}
	return session
}

func (p *places) learn(session, id string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, known := range p.ids[session] {
		if known == id {
			return
		}
	}
	p.ids[session] = append(p.ids[session], id)
}

func (p *places) name(place int) (string, int64) {
	generation := atomic.LoadInt64(&p.generations[place])
	return fmt.Sprintf("%s-%d-%d", p.prefix, place, generation), generation
}

func (p *places) replace(place int, generation int64) {
	atomic.CompareAndSwapInt64(&p.generations[place], generation, generation+1)
}

// How often each kind of operation is sent, in percent.
var shares = []struct {
	kind    kind
	percent int
}{{read, 30}, {put, 12}, {create, 15}, {update, 10}, {exchange, 23}, {touch, 5}, {rotate, 4}, {end, 1}}

func choose(random *rand.Rand) kind {
	at := random.Intn(100)
	for _, s := range shares {
		if at -= s.percent; at < 0 {
			return s.kind
		}
	}
	return read
}

// Runs all clients and returns what they saw. The first error ends the run.
func run(urls []string, clients, operations, sessions int, seed int64) ([]porcupine.Operation, error) {
	p := &places{
		prefix: fmt.Sprintf("linearizable-%d", seed), generations: make([]int64, sessions), ids: map[string][]string{},
	}
	began := time.Now()
	histories := make([][]porcupine.Operation, clients)
	errors := make([]error, clients)
	var done sync.WaitGroup
	for id := 0; id < clients; id++ {
		done.Add(1)
		go func(id int) {
			defer done.Done()
			c := client{
				id: id, base: urls[id%len(urls)], random: rand.New(rand.NewSource(seed + int64(id))), began: began,
				http:  &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}},
				known: map[string]string{},
			}
			for i := 0; i < operations; i++ {
				op, err := c.operate(p)
				if err != nil {
					errors[id] = err
					return
				}
				histories[id] = append(histories[id], op)
			}
		}(id)
	}
	done.Wait()
	var all []porcupine.Operation
	for id := range histories {
		if errors[id] != nil {
			return nil, errors[id]
		}
		all = append(all, histories[id]...)
	}
	return all, nil
}

type client struct {
	id     int
	base   string
	random *rand.Rand
	began  time.Time
	http   *http.Client
	known  map[string]string // session to the last version that this client saw
	writes int
}

func (c *client) operate(p *places) (porcupine.Operation, error) {
	place := c.random.Intn(len(p.generations))
	session, generation := p.name(place)
	in := input{session: session, id: p.anyId(session, c.random), kind: choose(c.random)}
	in.expected = c.known[session]
	if in.kind == exchange && in.expected == "" {
		in.kind = read
	}
	if in.kind != exchange {
		in.expected = ""
	}
	c.writes++
	in.value = fmt.Sprintf("%d/%d", c.id, c.writes)

	called := time.Since(c.began)
	out, err := c.send(in)
	returned := time.Since(c.began)
	if err != nil {
		return porcupine.Operation{}, err
	}
	if out.id != "" {
		p.learn(session, out.id)
	}
	if out.version != "" {
		c.known[session] = out.version
	}
	if out.status == 410 || in.kind == end {
		p.replace(place, generation)
	}
	return porcupine.Operation{ClientId: c.id, Input: in, Call: int64(called), Output: out, Return: int64(returned)}, nil
}

func (c *client) send(in input) (output, error) {
	method, path, body := http.MethodPut, "/v1/session", `{"value":"`+in.value+`"}`
	switch in.kind {
	case read:
		method, path, body = http.MethodGet, "/v1/session?peek", ""
	case touch:
		method, path, body = http.MethodPost, "/v1/session/touch", ""
	case rotate:
		method, path, body = http.MethodPost, "/v1/session/rotate", `{"grace_s":60}`
	case end:
		method, body = http.MethodDelete, ""
	}
	request, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return output{}, err
	}
	request.Header.Set("Session-Id", in.id)
	request.Header.Set("Content-Type", "application/json")
	switch in.kind {
	case create:
		request.Header.Set("If-None-Match", "*")
	case update:
		request.Header.Set("If-Match", "*")
	case exchange:
		request.Header.Set("If-Match", in.expected)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return output{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return output{}, err
	}
	out := output{status: answer.StatusCode, version: answer.Header.Get("ETag"), id: answer.Header.Get("Session-Id")}
	if out.status >= 500 || out.status == 400 {
		return output{}, fmt.Errorf("%s %s: %d %s", method, path, out.status, text)
	}
	if out.status == 200 && in.kind == read {
		var data struct{ Value string }
		if err := json.Unmarshal(text, &data); err != nil {
			return output{}, fmt.Errorf("a read answered %q", text)
		}
		out.value = data.Value
	}
	return out, nil
}
