package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

// directives returns the lines of a file that say something, each as its name and its value, those that go on joined.
func directives(t *testing.T, page, between string) [][2]string {
	t.Helper()
	var list [][2]string
	text := strings.ReplaceAll(read(t, page), "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		name, value, ok := strings.Cut(line, between)
		if !ok {
			t.Fatalf("%s: %q is no directive", page, line)
		}
		list = append(list, [2]string{name, strings.TrimSpace(value)})
	}
	return list
}

// last returns the last value of a directive; "" where there is none.
func last(list [][2]string, name string) string {
	value := ""
	for _, one := range list {
		if one[0] == name {
			value = one[1]
		}
	}
	return value
}

// understood fails the test unless `echelon serve` has every flag of the arguments, after its first word.
func understood(t *testing.T, page string, arguments []string) {
	t.Helper()
	if len(arguments) == 0 || arguments[0] != "serve" {
		t.Fatalf("%s runs %q, not serve", page, arguments)
	}
	known := help(t, "serve")
	for _, argument := range arguments {
		if name, ok := strings.CutPrefix(argument, "--"); ok && !regexp.MustCompile(`(?m)^ +(?:-\w, )?--`+regexp.QuoteMeta(name)+`\b`).MatchString(known) {
			t.Errorf("%s: serve has no flag --%s", page, name)
		}
	}
}

func TestOperationsHaveAnImageThatRunsServeWithoutRights(t *testing.T) {
	list := directives(t, "Dockerfile", " ")
	var words []string
	if err := json.Unmarshal([]byte(last(list, "CMD")), &words); err != nil {
		t.Fatalf("CMD is no list of words: %v", err)
	}
	understood(t, "Dockerfile", words)
	if file := "COPY deploy/container.yaml " + strings.TrimPrefix(last(list, "ENV"), "ECHELON_CONFIG="); !strings.Contains(read(t, "Dockerfile"), file) {
		t.Errorf("the image has no file of settings where its variable says: %s", last(list, "ENV"))
	}
	if settings := directives(t, "deploy/container.yaml", ":"); last(settings, "data") != last(list, "VOLUME") {
		t.Errorf("the store is not in the volume: %s", settings)
	}
	stages := 0
	for _, one := range list {
		if one[0] == "FROM" {
			stages++
		}
		if one[0] == "ADD" {
			t.Errorf("ADD fetches and unpacks: %s", one[1])
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if stages != 2 || last(list, "FROM") != "scratch" || list[0][1] != "golang:"+version+" AS build" {
		t.Errorf("want two stages, of golang:%s and scratch: %v", version, list)
	}
	if user := last(list, "USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("the user %q is not a number above 0, as an image without /etc/passwd needs", user)
	}
	if !strings.Contains(read(t, "Dockerfile"), "CGO_ENABLED=0") {
		t.Error("the program is not static, and scratch has no libraries")
	}
	if last(list, "ENTRYPOINT") != `["/echelon"]` || last(list, "VOLUME") != "/data" {
		t.Errorf("the entry point or the volume is not what the pages say: %v", list)
	}
}

func TestOperationsHaveAServiceThatIsFencedIn(t *testing.T) {
	const page = "deploy/echelon.service"
	list := directives(t, page, "=")
	words := strings.Fields(last(list, "ExecStart"))
	if words[0] != "/usr/local/bin/echelon" {
		t.Errorf("it starts %s", words[0])
	}
	understood(t, page, words[1:])
	for name, want := range map[string]string{
		"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
		"CapabilityBoundingSet": "", "StateDirectory": "echelon", "UMask": "0077", "WantedBy": "multi-user.target", "Restart": "on-failure",
	} {
		if got := last(list, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if config := "--config /etc/" + last(list, "ConfigurationDirectory") + "/echelon.yaml"; !strings.Contains(strings.Join(words, " "), config) {
		t.Errorf("it is not set up by %s: %s", config, words)
	}
	settings := directives(t, "deploy/echelon.yaml", ":")
	if last(settings, "data") != "/var/lib/"+last(list, "StateDirectory") || last(settings, "insecure") != "" {
		t.Errorf("it does not use its own folder, or is insecure: %s", settings)
	}
	drain, err := time.ParseDuration(last(settings, "drain-timeout"))
	if err != nil {
		t.Fatal(err)
	}
	stop, err := time.ParseDuration(last(list, "TimeoutStopSec") + "s")
	if err != nil || stop < 2*drain {
		t.Errorf("systemd kills it after %s, and it drains for %s", stop, drain)
	}
}
