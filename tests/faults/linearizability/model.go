package main

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

type kind int

const (
	read     kind = iota // GET ?peek
	put                  // PUT
	create               // PUT, If-None-Match: *
	update               // PUT, If-Match: *
	exchange             // PUT, If-Match: "version"
	touch                // POST …/touch
	rotate               // POST …/rotate, with a grace longer than the run: no id that was given stops leading there
	end                  // DELETE
)

func (k kind) String() string {
	return [...]string{"read", "put", "create", "update", "exchange", "touch", "rotate", "end"}[k]
}

type input struct {
	session  string
	id       string // that the request names: one of the session's
	kind     kind
	value    string // of a write, never used twice
	expected string // the version of an exchange
}

type output struct {
	status  int
	value   string // of a read
	version string // the ETag, where the answer has one
	id      string // of a rotation
}

type phase int

const (
	missing phase = iota
	live
	ended // remembered for longer than the run, so nothing may bring it back
)

type register struct {
	phase   phase
	value   string
	version string
}

// What the contract allows: whether `out` may be the answer to `in` at `state`, and the state after it.
func step(state register, in input, out output) (bool, register) {
	written := register{live, in.value, out.version}
	if state.phase == ended {
		if in.kind == end {
			return out.status == 204, state
		}
		return out.status == 410, state
	}
	switch in.kind {
	case read:
		if state.phase == missing {
			return out.status == 404, state
		}
		return out.status == 200 && out.value == state.value && out.version == state.version, state
	case touch, rotate:
		if state.phase == missing {
			return out.status == 404, state
		}
		done := 204
		if in.kind == rotate {
			done = 200
		}
		return out.status == done && out.version == state.version, state
	case end:
		return out.status == 204, register{phase: ended}
	case put:
		if state.phase == missing {
			return out.status == 201, written
		}
		return out.status == 204 && out.version != state.version, written
	case create:
		if state.phase == missing {
			return out.status == 201, written
		}
		return out.status == 412 && out.version == state.version, state
	case update, exchange:
		if state.phase == missing {
			return out.status == 412 && out.version == "", state
		}
		if in.kind == exchange && in.expected != state.version {
			return out.status == 412 && out.version == state.version, state
		}
		return out.status == 204 && out.version != state.version, written
	}
	return false, state
}

var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		bySession := map[string][]porcupine.Operation{}
		for _, op := range history {
			session := op.Input.(input).session
			bySession[session] = append(bySession[session], op)
		}
		parts := make([][]porcupine.Operation, 0, len(bySession))
		for _, part := range bySession {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() interface{} { return register{} },
	Step: func(state, in, out interface{}) (bool, interface{}) {
		return step(state.(register), in.(input), out.(output))
	},
	Equal: func(a, b interface{}) bool { return a == b },
	DescribeOperation: func(in, out interface{}) string {
		i, o := in.(input), out.(output)
		return fmt.Sprintf("%s %s %s by %s -> %d %s %s %s", i.kind, i.value, i.expected, i.id, o.status, o.value, o.version,
			o.id)
	},
}
