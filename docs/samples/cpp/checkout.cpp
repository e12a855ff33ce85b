#include <curl/curl.h>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>

// A JSON object whose values are texts.
std::string json(const std::map<std::string, std::string>& members) {
    std::string text;
    for (const auto& member : members) {
        text += (text.empty() ? "{\"" : ",\"") + member.first + "\":\"";
        for (unsigned char c : member.second) {
            char escaped[7];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
            text += c < ' ' || c == '"' || c == '\\' ? std::string(escaped) : std::string(1, c);
        }
        text += '"';
    }
    return text + "}";
}

size_t append(char* data, size_t size, size_t count, void* text) {
    static_cast<std::string*>(text)->append(data, size * count);
    return size * count;
}

int main() {
    const std::string body = json({
        {"api_key", "lck_pk_YOUR_API_KEY"},
        {"session_token", "00000000-0000-4000-8000-000000000000"},
    });
    std::string answer;
    long status = 0;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL* curl = curl_easy_init();
    curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, "https://lockence.example/api/v1/checkout");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    const CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);

    if (result != CURLE_OK)
        std::cout << "No answer: " << curl_easy_strerror(result) << "\n";
    else
        std::cout << (status == 200 ? "License file: " : "Refused: ") << answer << "\n";
}
