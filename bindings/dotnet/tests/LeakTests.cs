using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>What loggers, serializers and debuggers show of our objects.</summary>
public sealed class LeakTests
{
    private const string Secret = "sesame+open/now=";

    /// <summary>What a logger or serializer reads by reflection (Newtonsoft.Json, Serilog, System.Text.Json): the public
    /// properties and fields, or the elements.</summary>
    private static IEnumerable<string> Reflected(object value, int depth = 5)
    {
        if (value == null || depth == 0)
            yield break;
        yield return value.ToString();
        if (value is string)
            yield break;
        var members = new List<object>();
        if (value is IEnumerable elements)
            members.AddRange(elements.Cast<object>());
        Type type = value.GetType();
        const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;
        members.AddRange(type.GetFields(Public).Select(field => field.GetValue(value)));
        if (type.Assembly == typeof(Auth).Assembly || type.IsGenericType)
            members.AddRange(type.GetProperties(Public).Where(property => property.GetIndexParameters().Length == 0)
                .Select(property => property.GetValue(value)));
        foreach (string text in members.SelectMany(member => Reflected(member, depth - 1)))
            yield return text;
    }

    /// <summary>What System.Text.Json writes, if this runtime has it. It writes no exceptions.</summary>
    private static string Json(object value)
    {
        Type serializer = Type.GetType("System.Text.Json.JsonSerializer, System.Text.Json");
        MethodInfo serialize = serializer?.GetMethods().Single(method => method.Name == "Serialize" && !method.IsGenericMethod
            && method.ReturnType == typeof(string));
        return serialize == null || value is Exception ? "" : (string)serialize.Invoke(null, new[] { value, value.GetType(), null });
    }

    /// <summary>What a debugger shows of an object that is expanded.</summary>
    private static string Debugged(object value) => string.Join(" ", value.GetType()
        .GetFields(BindingFlags.NonPublic | BindingFlags.Instance)
        .Where(field => field.GetCustomAttribute<DebuggerBrowsableAttribute>()?.State != DebuggerBrowsableState.Never)
        .Select(field => field.GetValue(value)));

    private static string Shown(object value) =>
        string.Join(" ", Reflected(value).Concat(new[] { $"{value}", Json(value), Debugged(value) }));

    private static void Safe(object value, string useful)
    {
        string shown = Shown(value), name = value.GetType().Name;
        Check.True(!shown.Contains("sesame"), name + ": " + shown);
        Check.True(shown.Contains(useful) && value.ToString().Length > 0, name + ": " + shown);
        Check.True(value is Exception || !value.GetType().IsSerializable, name + " can be serialized as it is");
    }

    [Test]
    public void Nothing_shows_a_secret()
    {
        using (Auth key = Auth.FromKeyPair("id", Secret))
        using (Auth auth = Auth.FromToken(Secret, DateTimeOffset.FromUnixTimeSeconds(1513703787)))
        {
            auth.SetApiPath("https://company.example/api");
            Safe(key, "id");
            Safe(auth, "https://company.example/api");
            Safe(auth.GetToken(), "2017-12-19 17:16:27Z");
            using (Renewal renewal = auth.Poll(TimeSpan.Zero))
                Safe(renewal, "under way");
            auth.UpdateToken(Secret + "2");
            Safe(auth.GetHeaders("GET", "/"), "Authorization");
            Safe(key.GetHeaders("GET", "/", DateTimeOffset.FromUnixTimeSeconds(1513703787)), "1513703787");
            Safe(Check.Throws<TcAuthException>(() => Auth.FromToken(Secret + "\n")), "InvalidToken");
        }
    }

    private sealed class Refusing : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.Unauthorized)
                { Content = new StringContent("{\"success\": false, \"message\": \"not " + Secret + "\"}") });
    }

    [Test]
    public async Task No_event_shows_a_secret()
    {
        using (Auth auth = Auth.FromToken(Secret), other = Auth.FromToken(Secret))
        {
            auth.SetApiPath("https://company.example/api");
            var events = new List<object>();
            var handler = new TcAuthHandler(auth, new Refusing());
            handler.RenewalFinished += (sender, e) => events.Add(e);
            handler.TokenAdopted += (sender, e) => events.Add(e);
            handler.RequestRetried += (sender, e) => events.Add(e);
            handler.RequestRefused += (sender, e) => events.Add(e);
            var client = new HttpClient(handler);
            const string Url = "https://company.example/api/v3/groups";
            await client.GetAsync(Url + "?q=" + Secret);
            other.UpdateToken(Secret + "2");
            auth.Unseal(other.Seal());
            await client.GetAsync(Url);
            string[] useful = { "not ***", Url, Url, "another process", Url };
            Check.Equal(useful.Length, events.Count);
            for (int i = 0; i < useful.Length; i++)
                Safe(events[i], useful[i]);
        }
    }

    private sealed class Property
    {
        public string Value { get; } = Secret;
    }

    private sealed class Field
    {
        private readonly string value = Secret;

        public string GetValue() => value;
    }

    [Test]
    public void Each_way_to_show_a_secret_is_found()
    {
        Check.True(Json(new Property()).Contains("sesame") == (Type.GetType("Mono.Runtime") == null), "JSON");
        Check.True(Debugged(new Field()).Contains("sesame") && new Field().GetValue() == Secret, "a field");
        Check.True(string.Join(" ", Reflected(new[] { new KeyValuePair<string, string>("n", Secret) })).Contains("sesame"), "an element");
        Check.True(string.Join(" ", Reflected((Secret, 1))).Contains("sesame"), "a tuple");
        Check.True(string.Join(" ", Reflected(new Exception(Secret))).Contains("sesame"), "ToString");
    }
}
