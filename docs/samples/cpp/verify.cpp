// Tells whether an answer is Lockence's own, and to this very request. It needs OpenSSL 1.1.1 or newer,
// and json.hpp beside it.
// Put everything but `main` into your program. To try it on answers that are honest and on answers that are not:
// g++ -std=c++17 verify.cpp -lcrypto -o verify && ./verify test-vectors.json
#include "json.hpp"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

const long long clock_tolerance_seconds = 300;

// What was asked. The authority is the host in lower case, with the port unless it is the scheme's own.
struct Request {
    std::string method, authority, path, nonce, body;
};

// What came back, headers as they came: a name that comes twice is a reason to refuse.
struct Response {
    int status;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

// What your program was built with. Keys are 43 characters each, as the application's page shows them.
struct Pinned {
    std::vector<std::string> public_keys, instance_keys;
    std::string application_id;
};

// What came is not Lockence's answer to this request. It says nothing about the license.
struct NotAnAnswer : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void demand(bool condition, const std::string& otherwise) {
    if (!condition)
        throw NotAnAnswer(otherwise);
}

std::string decoded(std::string base64) {
    std::string bytes(base64.size(), '\0');
    for (char& character : base64)
        character = character == '-' ? '+' : character == '_' ? '/' : character;
    base64.append((4 - base64.size() % 4) % 4, '=');
    const auto* from = reinterpret_cast<const unsigned char*>(base64.data());
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(&bytes[0]), from, static_cast<int>(base64.size()));
    demand(length >= 0, "no base64");
    bytes.resize(length - std::count(base64.begin(), base64.end(), '='));
    return bytes;
}

std::string digest_of(const std::string& body) {
    unsigned char digest[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    demand(EVP_Digest(body.data(), body.size(), digest, &length, EVP_sha256(), nullptr), "no SHA-256");
    EVP_EncodeBlock(base64, digest, static_cast<int>(length));
    return "sha-256=:" + std::string(reinterpret_cast<char*>(base64)) + ":";
}

bool fits(const std::string& public_key, const std::string& signature, const std::string& base) {
    const std::string raw = decoded(public_key);
    const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(raw), raw.size()), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(base), base.size()) == 1;
}

bool same(const std::string& told, const std::string& expected) {
    return told.size() == expected.size() && CRYPTO_memcmp(told.data(), expected.data(), told.size()) == 0;
}

std::string header(const Response& response, const std::string& name) {
    std::vector<std::string> values;
    for (const auto& pair : response.headers) {
        std::string key = pair.first;
        std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
        if (key == name)
            values.push_back(pair.second);
    }
    demand(values.size() == 1, name + " must come exactly once");
    const size_t start = values[0].find_first_not_of(" \t"), end = values[0].find_last_not_of(" \t\r\n");
    return start == std::string::npos ? "" : values[0].substr(start, end - start + 1);
}

std::vector<std::string> keys_for(const std::string& tag, int status, const Pinned& pinned) {
    if (tag == "lockence-v1")
        return pinned.public_keys;
    // The key of the installation may say that it knows no such API key, and nothing else.
    return status == 401 ? pinned.instance_keys : std::vector<std::string>();
}

Json body_of(const Request& request, const Response& response, const std::string& tag, const Pinned& pinned) {
    Json body;
    try {
        body = JsonReader(response.body).read();
    } catch (const NoJson& problem) {
        throw NotAnAnswer(problem.what());
    }
    demand(body.kind == Json::object, "no JSON object");
    demand(same(body["nonce"].value, request.nonce), "to another question");
    demand(body["success"].kind == Json::word && body["success"].value == (response.status == 200 ? "true" : "false"),
           "body and status do not agree");
    demand(tag != "lockence-v1" || body["application_id"].value == pinned.application_id, "another application's");
    return body;
}

// Returns the JSON object of an answer that is to be believed; throws NotAnAnswer for any other. `now` is in seconds since 1970.
Json verified(const Request& request, const Response& response, const Pinned& pinned, long long now) {
    static const std::regex signature_input(
        R"re(lockence=(\("@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req )re"
        R"re("content-digest";req\);created=([0-9]{1,15});expires=([0-9]{1,15});nonce="([A-Za-z0-9_-]{16,64})")re"
        R"re(;keyid="[A-Za-z0-9_-]{43}";alg="ed25519";tag="(lockence-v1|lockence-instance-v1)"))re");
    static const std::regex signature_field("lockence=:([A-Za-z0-9+/]{86}==):");
    const std::string told_input = header(response, "signature-input"), told_signature = header(response, "signature");
    const std::string digest = header(response, "content-digest");
    std::smatch input, signature;
    demand(std::regex_match(told_input, input, signature_input), "not signed as Lockence signs");
    demand(std::regex_match(told_signature, signature, signature_field), "not signed as Lockence signs");
    demand(same(input[4], request.nonce), "to another question");
    demand(std::stoll(input[2]) <= now + clock_tolerance_seconds, "signed in the future");
    demand(std::stoll(input[3]) >= now - clock_tolerance_seconds, "too old");
    demand(same(digest, digest_of(response.body)), "the body is another one");
    const std::string base =
        "\"@status\": " + std::to_string(response.status) +
        "\n\"content-digest\": " + digest +
        "\n\"content-type\": " + header(response, "content-type") +
        "\n\"@method\";req: " + request.method +
        "\n\"@authority\";req: " + request.authority +
        "\n\"@path\";req: " + request.path +
        "\n\"content-digest\";req: " + digest_of(request.body) +
        "\n\"@signature-params\": " + input.str(1);
    const std::string bytes = decoded(signature[1]), tag = input[5];
    const std::vector<std::string> keys = keys_for(tag, response.status, pinned);
    demand(std::any_of(keys.begin(), keys.end(), [&](const std::string& key) { return fits(key, bytes, base); }), "a forgery");
    return body_of(request, response, tag, pinned);
}

std::vector<std::string> texts(const Json& list) {
    std::vector<std::string> result;
    for (const Json& item : list.items)
        result.push_back(item.value);
    return result;
}

int main(int, char** arguments) {
    std::ifstream file(arguments[1], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const Json vectors = JsonReader(text).read(), asked = vectors["request"];
    const Request request{asked["method"].value, asked["authority"].value, asked["path"].value, asked["nonce"].value,
                          asked["body"].value};
    const Pinned pinned{texts(vectors["public_keys"]), texts(vectors["instance_keys"]), vectors["application_id"].value};
    for (const Json& answer : vectors["cases"].items) {
        Response response{std::stoi(answer["status"].value), {}, answer["body"].value};
        for (const Json& pair : answer["headers"].items)
            response.headers.emplace_back(pair.items[0].value, pair.items[1].value);
        std::string outcome = "not an answer";
        try {
            const Json body = verified(request, response, pinned, std::stoll(vectors["now"].value));
            outcome = body["success"].value == "true" ? "yes" : "no";
        } catch (const NotAnAnswer&) {
        }
        std::cout << answer["name"].value << "\t" << outcome << "\n";
    }
}
