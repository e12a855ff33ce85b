// Tells whether a license file lets this device run at this moment. It needs OpenSSL 1.1.1 or newer.
// Put everything but `main` into your program. To try it on files that are good and on files that are not:
// g++ -std=c++17 verify_file.cpp -lcrypto -o verify_file && ./verify_file license-file-vectors.json
#include <openssl/evp.h>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

// A file may begin that much later by this clock. No tolerance prolongs it.
const long long clock_tolerance_seconds = 300;

// What your program was built with. Keys are 43 characters each, as the application's page shows them.
struct Pinned {
    std::vector<std::string> public_keys;
    std::string application_id;
};

// What lets nobody run here and now.
struct NotALicenseFile : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void demand(bool condition, const std::string& otherwise) {
    if (!condition)
        throw NotALicenseFile(otherwise);
}

// Enough JSON to read an answer; a program that has a JSON library uses that.
struct Json {
    enum { object, list, text, word } kind = word;
    std::string value;  // of a text, or a word: a number, true, false, null
    std::map<std::string, Json> members;
    std::vector<Json> items;

    const Json& operator[](const std::string& name) const {
        static const Json nothing;
        const auto found = members.find(name);
        return found == members.end() ? nothing : found->second;
    }
};

class JsonReader {
public:
    explicit JsonReader(const std::string& json) : json(json) {}

    Json read() {
        Json result = read_value();
        demand(next() == '\0' && at == json.size(), "no JSON");
        return result;
    }

private:
    const std::string& json;
    size_t at = 0;

    // The next character that is no space, without moving behind it.
    char next() {
        at = std::min(json.find_first_not_of(" \t\r\n", at), json.size());
        return at < json.size() ? json[at] : '\0';
    }

    void expect(char character) {
        demand(next() == character, "no JSON");
        ++at;
    }

    bool skip(char character) {
        const bool is_there = next() == character;
        at += is_there;
        return is_there;
    }

    Json read_value() {
        Json result;
        if (skip('{')) {
            result.kind = Json::object;
            for (bool more = !skip('}'); more; more = !skip('}')) {
                if (!result.members.empty())
                    expect(',');
                expect('"');
                const std::string name = read_text();
                expect(':');
                result.members[name] = read_value();
            }
        } else if (skip('[')) {
            result.kind = Json::list;
            for (bool more = !skip(']'); more; more = !skip(']')) {
                if (!result.items.empty())
                    expect(',');
                result.items.push_back(read_value());
            }
        } else if (skip('"')) {
            result.kind = Json::text;
            result.value = read_text();
        } else {
            const size_t end = std::min(json.find_first_of(" \t\r\n,]}", at), json.size());
            result.value = json.substr(at, end - at);
            at = end;
            static const std::regex word("true|false|null|-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?");
            demand(std::regex_match(result.value, word), "no JSON");
        }
        return result;
    }

    // Reads to the quotation mark that ends a text, and moves behind it.
    std::string read_text() {
        std::string result;
        for (;;) {
            demand(at < json.size(), "no JSON");
            char character = json[at++];
            if (character == '"')
                return result;
            if (character != '\\') {
                result += character;
                continue;
            }
            demand(at < json.size(), "no JSON");
            character = json[at++];
            static const std::string escapes = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
            const size_t found = escapes.find(character);
            demand(found != std::string::npos || character == 'u', "no JSON");
            if (character == 'u')
                append_utf8(result, read_code_point());
            else
                result += meanings[found];
        }
    }

    unsigned long read_code_point() {
        const unsigned long first = read_hex();
        if (first < 0xd800 || first > 0xdbff)
            return first;
        // The first half of a pair: characters beyond U+FFFF are written as two.
        demand(json.compare(at, 2, "\\u") == 0, "no JSON");
        at += 2;
        return 0x10000 + ((first - 0xd800) << 10) + (read_hex() - 0xdc00);
    }

    unsigned long read_hex() {
        const std::string digits = json.substr(std::min(at, json.size()), 4);
        demand(std::regex_match(digits, std::regex("[0-9A-Fa-f]{4}")), "no JSON");
        at += 4;
        return std::stoul(digits, nullptr, 16);
    }

    static void append_utf8(std::string& text, unsigned long code_point) {
        if (code_point < 0x80) {
            text += static_cast<char>(code_point);
            return;
        }
        const int following = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
        static const int leading[] = {0, 0xc0, 0xe0, 0xf0};
        text += static_cast<char>(leading[following] | code_point >> 6 * following);
        for (int left = following - 1; left >= 0; --left)
            text += static_cast<char>(0x80 | (code_point >> 6 * left & 0x3f));
    }
};

const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string encoded(const std::string& data) {
    std::string text(4 * (data.size() / 3 + 1) + 1, '\0');
    text.resize(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&text[0]), bytes(data), static_cast<int>(data.size())));
    for (char& character : text)
        character = character == '+' ? '-' : character == '/' ? '_' : character;
    return text.substr(0, text.find('='));
}

std::string decoded(const std::string& part) {
    std::string base64 = part + std::string((4 - part.size() % 4) % 4, '='), data(base64.size(), '\0');
    for (char& character : base64)
        character = character == '-' ? '+' : character == '_' ? '/' : character;
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(&data[0]), bytes(base64), static_cast<int>(base64.size()));
    demand(length >= 0, "no base64url");
    data.resize(3 * part.size() / 4);
    // The same bytes can be written in several ways, of which one is right.
    demand(encoded(data) == part, "no base64url");
    return data;
}

std::string digest_of(const std::string& text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    demand(EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr), "no SHA-256");
    return encoded(std::string(reinterpret_cast<char*>(digest), length));
}

std::string header_of(const std::string& public_key) {
    // The key's id is the thumbprint of RFC 7638.
    const std::string kid = digest_of("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + public_key + "\"}");
    return encoded("{\"alg\":\"EdDSA\",\"kid\":\"" + kid + "\",\"typ\":\"license+jwt\"}");
}

bool fits(const std::string& public_key, const std::string& signature, const std::string& signed_text) {
    const std::string raw = decoded(public_key);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(raw), raw.size()), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(signed_text), signed_text.size()) == 1;
}

std::string text_of(const Json& claims, const std::string& name) {
    demand(claims[name].kind == Json::text, name + " is no text");
    return claims[name].value;
}

long long seconds_of(const Json& claims, const std::string& name) {
    const Json& claim = claims[name];
    demand(claim.kind == Json::word && std::regex_match(claim.value, std::regex("[0-9]{1,15}")), name + " is no whole number");
    return std::stoll(claim.value);
}

// Returns the claims of a license file that counts; throws NotALicenseFile for any other text. `now` is in seconds since 1970.
Json granted(const std::string& file, const Pinned& pinned, const std::string& hwid, long long now) {
    const size_t first = file.find('.'), last = file.rfind('.');
    demand(first != last && file.find('.', first + 1) == last, "not three parts");
    const std::string header = file.substr(0, first), payload = file.substr(first + 1, last - first - 1);
    // The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
    const auto key = std::find_if(pinned.public_keys.begin(), pinned.public_keys.end(),
                                  [&](const std::string& public_key) { return header == header_of(public_key); });
    demand(key != pinned.public_keys.end(), "another header, or a key that is not pinned");
    demand(fits(*key, decoded(file.substr(last + 1)), file.substr(0, last)), "a forgery");
    const std::string json = decoded(payload);
    const Json claims = JsonReader(json).read();
    demand(claims.kind == Json::object, "no JSON object");
    demand(text_of(claims, "aud") == pinned.application_id, "another application's");
    demand(text_of(claims, "device") == digest_of(pinned.application_id + hwid), "another device's");
    demand(seconds_of(claims, "nbf") <= now + clock_tolerance_seconds, "it does not count yet");
    demand(seconds_of(claims, "exp") > now, "it has ended");
    return claims;
}

int main(int, char** arguments) {
    std::ifstream file(arguments[1], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const Json vectors = JsonReader(text).read();
    Pinned pinned{{}, vectors["application_id"].value};
    for (const Json& key : vectors["public_keys"].items)
        pinned.public_keys.push_back(key.value);
    for (const Json& given : vectors["cases"].items) {
        std::string outcome = "not a license file";
        try {
            granted(given["license_file"].value, pinned, vectors["hwid"].value, std::stoll(vectors["now"].value));
            outcome = "grants";
        } catch (const NotALicenseFile&) {
        }
        std::cout << given["name"].value << "\t" << outcome << "\n";
    }
}
