// A program that asks Lockence whether it may run, and says goodbye when it is done.
// g++ -std=c++17 complete.cpp -lcurl -o complete && ./complete
#include <curl/curl.h>
#ifdef _WIN32
#include <windows.h>
#endif
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

using Fields = std::map<std::string, std::string>;

std::string setting(const char* name, const std::string& otherwise) {
    const char* value = std::getenv(name);
    return value && *value ? value : otherwise;
}

const std::string url = setting("LOCKENCE_URL", "https://lockence.example");
const std::string api_key = setting("LOCKENCE_API_KEY", "lck_pk_YOUR_API_KEY");
const long timeout_seconds = 10;
const int tries = 4;

// What to tell the customer; any other code is a mistake in the program, or a session that is over.
const std::map<std::string, std::string> advice = {
    {"license_not_found", "This license key does not exist. Please check it for typing mistakes."},
    {"license_expired", "Your license has expired."},
    {"license_suspended", "Your license is disabled. Please contact support."},
    {"license_revoked", "Your license is disabled. Please contact support."},
    {"hwid_mismatch", "Your license is in use on another device. Please contact support to move it."},
    {"session_limit_reached", "Too many copies are running. Please close one and try again."},
};

// Lockence answered, and the answer is no.
struct Refused : std::runtime_error {
    std::string code;
    Refused(const std::string& code, const std::string& message) : std::runtime_error(message), code(code) {}
};

// Nobody could be asked: no network, or the service is down. That is not a no.
struct NoAnswer : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Enough JSON for four calls; a program that has a JSON library uses that.

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (unsigned char c : text) {
        char escaped[7];
        std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
        result += c < ' ' || c == '"' || c == '\\' ? std::string(escaped) : std::string(1, c);
    }
    return result + '"';
}

std::string object(const Fields& members) {
    std::string result;
    for (const auto& member : members)
        result += (result.empty() ? "{" : ",") + quoted(member.first) + ":" + quoted(member.second);
    return result + "}";
}

// Reads the string that begins at `at`, and moves `at` behind it.
std::string read_string(const std::string& json, size_t& at) {
    std::string text;
    for (++at; at < json.size() && json[at] != '"'; ++at) {
        if (json[at] == '\\' && ++at < json.size() && json[at] == 'n')
            text += '\n';
        else if (at < json.size())
            text += json[at];
    }
    ++at;
    return text;
}

// The member of the outermost object with this name, without quotes if it is a string; empty if there is none.
std::string member(const std::string& json, const std::string& name) {
    int depth = 0;
    for (size_t at = 0; at < json.size();) {
        if (json[at] != '"') {
            depth += json[at] == '{' || json[at] == '[' ? 1 : json[at] == '}' || json[at] == ']' ? -1 : 0;
            ++at;
            continue;
        }
        const std::string key = read_string(json, at);
        if (depth != 1 || at >= json.size() || json[at] != ':' || key != name)
            continue;
        if (json[++at] == '"')
            return read_string(json, at);
        return json.substr(at, json.find_first_of(",}", at) - at);
    }
    return "";
}

size_t append(char* data, size_t size, size_t count, void* text) {
    static_cast<std::string*>(text)->append(data, size * count);
    return size * count;
}

struct Answer {
    long status = 0;
    long retry_after = 0;
    std::string body;
};

Answer post(const std::string& address, const std::string& body) {
    Answer answer;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
        curl_slist_append(nullptr, "Content-Type: application/json"), curl_slist_free_all);
    curl_easy_setopt(curl.get(), CURLOPT_URL, address.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, timeout_seconds);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
    if (curl_easy_perform(curl.get()) == CURLE_OK) {
        curl_off_t retry_after = 0;
        curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
        curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &retry_after);
        answer.retry_after = static_cast<long>(retry_after);
    }
    return answer;
}

// Makes one call; retries what may pass, with growing waits that differ between programs.
std::string call(const std::string& name, Fields fields) {
    static std::mt19937 chance(std::random_device{}());
    fields["api_key"] = api_key;
    double wait_seconds = 0;
    for (int attempt = 0; attempt < tries; ++attempt) {
        std::this_thread::sleep_for(std::chrono::duration<double>(wait_seconds));
        wait_seconds = (1 << attempt) * std::uniform_real_distribution<>(0.5, 1)(chance);
        const Answer answer = post(url + "/api/v1/" + name, object(fields));
        const std::string success = member(answer.body, "success");
        if (success == "true")
            return answer.body;
        // Neither: what came is not from Lockence, but a proxy's error page, say.
        if (success == "false" && answer.status != 429 && answer.status < 500)
            throw Refused(member(answer.body, "code"), member(answer.body, "message"));
        if (answer.retry_after > 0)
            wait_seconds = std::min(answer.retry_after, 30L);
    }
    throw NoAnswer(url + " does not answer");
}

// An id that stays the same on this machine. Work it out once and keep it while the program runs.
std::string machine_id() {
    std::string id;
#ifdef _WIN32
    char guid[64];
    DWORD size = sizeof guid;
    if (RegGetValueA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Cryptography", "MachineGuid",
                     RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, nullptr, guid, &size) == ERROR_SUCCESS)
        id = guid;
#else
    std::getline(std::ifstream("/etc/machine-id"), id);
    if (id.empty())
        std::getline(std::ifstream("/etc/hostname"), id);
#endif
    // Lockence keeps only a keyed digest of it.
    return setting("LOCKENCE_HWID", "my-program " + id);
}

// Never in the code: each customer has a license key of their own.
std::string license_key() {
    std::string key = setting("LOCKENCE_LICENSE_KEY", "");
    if (key.empty()) {
        std::cout << "License key: " << std::flush;
        std::getline(std::cin, key);
    }
    return key;
}

// Your program. While it runs, call heartbeat every heartbeat_interval seconds, from a thread or timer.
void work(const std::string& token) {
    std::cout << "Valid until " << member(call("validate", {{"session_token", token}}), "expires_at") << "\n";
    std::cout << "Alive until " << member(call("heartbeat", {{"session_token", token}}), "expires_at") << "\n";
}

// A text that no other start of any program has.
std::string random_text() {
    std::random_device chance;
    std::string text;
    for (int count = 0; count < 24; ++count)
        text += "0123456789abcdef"[chance() % 16];
    return text;
}

void run() {
    // The last is the same in every try: where only the answer was lost, this takes no second seat.
    const std::string session = call(
        "init", {{"license_key", license_key()}, {"hwid", machine_id()}, {"idempotency_key", random_text()}});
    const std::string token = member(session, "session_token"), username = member(session, "username");
    std::cout << "Welcome, " << (username.empty() ? "customer" : username) << "\n";
    std::exception_ptr problem;
    try {
        work(token);
    } catch (...) {
        problem = std::current_exception();
    }
    std::cout << member(call("logout", {{"session_token", token}}), "message") << "\n";
    if (problem)
        std::rethrow_exception(problem);
}

int main() {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    try {
        run();
        return 0;
    } catch (const Refused& refusal) {
        std::cout << "Refused: " << refusal.code << "\n";
        const auto found = advice.find(refusal.code);
        std::cerr << (found == advice.end() ? refusal.what() : found->second) << "\n";
    } catch (const NoAnswer& problem) {
        // Your choice: try again later, or let known customers work on for some days.
        std::cerr << "Could not ask: " << problem.what() << "\n";
    }
    return 1;
}
