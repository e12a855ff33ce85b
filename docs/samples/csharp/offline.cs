using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;

[DataContract]
class Answer
{
    [DataMember(Name = "success")] public bool Success;
    [DataMember(Name = "code")] public string Code;
    [DataMember(Name = "message")] public string Message;
    [DataMember(Name = "license_file")] public string LicenseFile;
    [DataMember(Name = "license_file_expires_at")] public string LicenseFileExpiresAt;
}

class Program
{
    static void Main()
    {
        var answer = Post("https://lockence.example/api/v1/offline", new Dictionary<string, string>
        {
            { "api_key", "lck_pk_YOUR_API_KEY" },
            { "license_key", "XXXXX-XXXXX-XXXXX-XXXXX" },
            { "request_code", "REQ1-OF-THE-DEVICE" },
        });
        if (answer.Success)
            Console.WriteLine("Good until " + answer.LicenseFileExpiresAt + "\n" + answer.LicenseFile);
        else
            Console.WriteLine("Refused: " + answer.Code + " - " + answer.Message);
        // Said outright: when Main just returns, Mono 6 now and then hangs.
        Environment.Exit(0);
    }

    static Answer Post(string url, Dictionary<string, string> fields)
    {
        var settings = new DataContractJsonSerializerSettings { UseSimpleDictionaryFormat = true };
        var body = new MemoryStream();
        new DataContractJsonSerializer(fields.GetType(), settings).WriteObject(body, fields);
        var content = new StringContent(Encoding.UTF8.GetString(body.ToArray()), Encoding.UTF8, "application/json");
        using (var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) })
        using (var response = http.PostAsync(url, content).Result)
        using (var text = response.Content.ReadAsStreamAsync().Result)
            return (Answer)new DataContractJsonSerializer(typeof(Answer)).ReadObject(text);
    }
}
