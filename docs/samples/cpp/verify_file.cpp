// Tells whether a license file lets this device run at this moment. It needs OpenSSL 1.1.1 or newer, and json.hpp beside it.
// Put everything but `main` into your program. To try it on files that are good and on files that are not:
// g++ -std=c++17 verify_file.cpp -lcrypto -o verify_file && ./verify_file license-file-vectors.json
#include "json.hpp"
#include <openssl/evp.h>
#include <fstream>
#include <iostream>
#include <memory>

// A file may begin that much later by this clock. No tolerance prolongs it.
const long long clock_tolerance_seconds = 300;

// What your program was built with. Keys are 43 characters each, as the application's page shows them.
struct Pinned {
    std::vector<std::string> public_keys;
    std::string application_id;
};

void demand(bool condition, const char* otherwise) { if (!condition) throw std::runtime_error(otherwise); }

unsigned char* bytes(const std::string& text) { return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())); }

std::string encoded(const std::string& data) {
    std::string text(4 * (data.size() / 3 + 1) + 1, '\0');
    text.resize(EVP_EncodeBlock(bytes(text), bytes(data), static_cast<int>(data.size())));
    for (char& character : text)
        character = character == '+' ? '-' : character == '/' ? '_' : character;
    return text.substr(0, text.find('='));
}

std::string decoded(const std::string& part) {
    std::string base64 = part + std::string((4 - part.size() % 4) % 4, '='), data(base64.size(), '\0');
    for (char& character : base64)
        character = character == '-' ? '+' : character == '_' ? '/' : character;
    demand(EVP_DecodeBlock(bytes(data), bytes(base64), static_cast<int>(base64.size())) >= 0, "no base64url");
    data.resize(3 * part.size() / 4);
    // The same bytes can be written in several ways, of which one is right.
    demand(encoded(data) == part, "no base64url");
    return data;
}

std::string digest_of(const std::string& text) {
    std::string digest(32, '\0');
    demand(EVP_Digest(text.data(), text.size(), bytes(digest), nullptr, EVP_sha256(), nullptr), "no SHA-256");
    return encoded(digest);
}

std::string header_of(const std::string& public_key) {
    // The key's id is the thumbprint of RFC 7638.
    const std::string kid = digest_of("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + public_key + "\"}");
    return encoded("{\"alg\":\"EdDSA\",\"kid\":\"" + kid + "\",\"typ\":\"license+jwt\"}");
}

bool fits(const std::string& public_key, const std::string& signature, const std::string& text) {
    const std::shared_ptr<EVP_PKEY> key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(public_key), public_key.size()), EVP_PKEY_free);
    const std::shared_ptr<EVP_MD_CTX> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return key && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
}

long long seconds_of(const Json& claim) {
    demand(claim.kind == Json::word && std::regex_match(claim.value, std::regex("[0-9]{1,15}")), "no whole number");
    return std::stoll(claim.value);
}

bool is(const Json& claim, const std::string& text) { return claim.kind == Json::text && claim.value == text; }

// Returns the claims of a license file that counts; throws std::runtime_error for any other text. `now` is in seconds since 1970.
Json granted(const std::string& file, const Pinned& pinned, const std::string& hwid, long long now) {
    const size_t first = file.find('.'), last = file.rfind('.');
    demand(first != last && file.find('.', first + 1) == last, "not three parts");
    // The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
    const auto is_named = [&](const std::string& key) { return header_of(key) == file.substr(0, first); };
    const auto key = std::find_if(pinned.public_keys.begin(), pinned.public_keys.end(), is_named);
    demand(key != pinned.public_keys.end(), "another header, or a key that is not pinned");
    demand(fits(decoded(*key), decoded(file.substr(last + 1)), file.substr(0, last)), "a forgery");
    const Json claims = JsonReader(decoded(file.substr(first + 1, last - first - 1))).read();
    demand(is(claims["aud"], pinned.application_id), "another application's");
    demand(is(claims["device"], digest_of(pinned.application_id + hwid)), "another device's");
    demand(seconds_of(claims["nbf"]) <= now + clock_tolerance_seconds, "it does not count yet");
    demand(seconds_of(claims["exp"]) > now, "it has ended");
    return claims;
}

int main(int, char** arguments) {
    std::ifstream file(arguments[1], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const Json vectors = JsonReader(text).read();
    Pinned pinned{{}, vectors["application_id"].value};
    for (const Json& key : vectors["public_keys"].items)
        pinned.public_keys.push_back(key.value);
    for (const Json& given : vectors["cases"].items)
        try {
            granted(given["license_file"].value, pinned, vectors["hwid"].value, seconds_of(vectors["now"]));
            std::cout << given["name"].value << "\tgrants\n";
        } catch (const std::runtime_error&) {
            std::cout << given["name"].value << "\tnot a license file\n";
        }
}
