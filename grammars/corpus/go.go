package main

import (
	"fmt"
	str "strings"
)

const Limit = 3

// Where to connect.
type Config struct {
	Host string
}

type Reader interface {
	Read(p []byte) int
}

type Name = string

func (c *Config) Url() string {
	return fmt.Sprint(c.Host, `raw`, 'x') // not code
}

func connect(c Config) error {
	return str.Do(c.Url())
}

var (
	ErrGone    = str.New("gone")
	open, shut int
)
