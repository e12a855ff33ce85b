// Enough JSON to read an answer or a license file. A program that has a JSON library uses that.
#pragma once
#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

// What is none.
struct NoJson : std::runtime_error {
    NoJson() : std::runtime_error("no JSON") {}
};

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
        demand(next() == '\0' && at == json.size());
        return result;
    }

private:
    const std::string& json;
    size_t at = 0;

    static void demand(bool condition) {
        if (!condition)
            throw NoJson();
    }

    // The next character that is no space, without moving behind it.
    char next() {
        at = std::min(json.find_first_not_of(" \t\r\n", at), json.size());
        return at < json.size() ? json[at] : '\0';
    }

    void expect(char character) {
        demand(next() == character);
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
            demand(std::regex_match(result.value, word));
        }
        return result;
    }

    // Reads to the quotation mark that ends a text, and moves behind it.
    std::string read_text() {
        std::string result;
        for (;;) {
            demand(at < json.size());
            char character = json[at++];
            if (character == '"')
                return result;
            if (character != '\\') {
                result += character;
                continue;
            }
            demand(at < json.size());
            character = json[at++];
            static const std::string escapes = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
            const size_t found = escapes.find(character);
            demand(found != std::string::npos || character == 'u');
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
        demand(json.compare(at, 2, "\\u") == 0);
        at += 2;
        return 0x10000 + ((first - 0xd800) << 10) + (read_hex() - 0xdc00);
    }

    unsigned long read_hex() {
        const std::string digits = json.substr(std::min(at, json.size()), 4);
        demand(std::regex_match(digits, std::regex("[0-9A-Fa-f]{4}")));
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
