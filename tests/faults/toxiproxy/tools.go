//go:build tools

// Package tools names the program that the tests build: go build -o OUT github.com/Shopify/toxiproxy/v2/cmd/server
package tools

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
