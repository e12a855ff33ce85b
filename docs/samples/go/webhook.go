// Is a webhook Lockence's own? go run webhook.go SECRET ID TIMESTAMP SIGNATURE < body
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const toleranceSeconds = 300

// isGenuine tells whether body came with these three webhook-… headers from who knows secret, and came now.
func isGenuine(secret, id, timestamp, signatures string, body []byte) bool {
	told, err := strconv.ParseUint(timestamp, 10, 36)
	if err != nil {
		return false
	}
	if age := time.Now().Unix() - int64(told); age > toleranceSeconds || age < -toleranceSeconds {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	// While a secret is changed there are two signatures, with a space between them.
	for _, one := range strings.Split(signatures, " ") {
		if hmac.Equal([]byte(one), []byte(expected)) {
			return true
		}
	}
	return false
}

func main() {
	body, err := io.ReadAll(os.Stdin)
	if err != nil || len(os.Args) != 5 {
		os.Exit(2)
	}
	if !isGenuine(os.Args[1], os.Args[2], os.Args[3], os.Args[4], body) {
		fmt.Println("not genuine")
		os.Exit(1)
	}
	fmt.Println("genuine")
}
