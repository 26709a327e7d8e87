using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text;
using TcAuth;

/// <summary>What is .NET's own: strings, times, nulls, exceptions, overloads. The vectors are the conformance program's.</summary>
public sealed class AuthTests
{
    internal const string AccessId = "12345678901234567890";
    internal const string SecretKey = "tc_auth-example-secret";
    private const string Token = "API:5:secret+token/with=:colons:";
    private static readonly DateTimeOffset Then = DateTimeOffset.FromUnixTimeSeconds(1513703787);

    private static string Text(Headers headers)
    {
        var texts = new List<string>();
        foreach (KeyValuePair<string, string> header in headers)
            texts.Add(header.Key + "=" + header.Value);
        return string.Join(", ", texts);
    }

    internal static Auth KeyPair() => Auth.FromKeyPair(AccessId, SecretKey);

    [Test]
    public void A_request_is_signed()
    {
        using (Auth auth = KeyPair())
        {
            Headers headers = auth.GetHeaders("GET", "/api/v3/indicators", Then);
            Check.Equal("TC 12345678901234567890:WBDDNiRRsECmyjRbt/BXOIwYmvzIHay59Oo6UnDFCks=", headers.GetAuthorization());
            Check.Equal(1513703787, headers.Timestamp);
            Check.Equal($"Authorization={headers.GetAuthorization()}, Timestamp=1513703787",
                Text(headers));
            Check.Equal(Kind.Hmac, auth.Kind);
            Check.Equal("/api/v3/indicators:GET:1513703787", Auth.StringToSign("get", "/api/v3/indicators", Then));
            auth.Verify("GET", "/api/v3/indicators", headers.GetAuthorization(), "1513703787", TimeSpan.FromMinutes(5), Then);
            Headers now = auth.GetHeaders("GET", "/");
            auth.Verify("GET", "/", now.GetAuthorization(), now.Timestamp.ToString(), TimeSpan.FromMinutes(5));
        }
    }

    [Test]
    public void A_token_has_one_header_however_long_it_is()
    {
        foreach (int length in new[] { 1, 500, 502, 503, 504, 100000 })
        {
            string token = new string('t', length);
            using (Auth auth = Auth.FromToken(token))
                Check.Equal("Authorization=TC-Token " + token, Text(auth.GetHeaders("GET", "/")));
        }
    }

    [Test]
    public void A_long_URI_is_signed()
    {
        using (Auth auth = KeyPair())
        {
            foreach (int length in new[] { 1000, 1364, 1365, 1366, 5000, 1000000 })
            {
                string uri = "/" + new string('u', length);
                Headers headers = auth.GetHeaders("GET", uri, Then);
                auth.Verify("GET", uri, headers.GetAuthorization(), "1513703787", TimeSpan.Zero, Then);
            }
        }
    }

    [Test]
    public void Strings_that_C_cannot_hold_are_refused()
    {
        using (Auth auth = KeyPair())
        using (Auth token = Auth.FromToken(Token))
        using (var url = new UrlBuilder("/a"))
        {
            foreach (string bad in new[] { "/\0", "/x\0y", "/\ud800", "/\udc00x", "/x\ud800y" })
            {
                Check.Fails(Status.InvalidAccessId, () => Auth.FromKeyPair(bad, "k"), bad);
                Check.Fails(Status.InvalidSecretKey, () => Auth.FromKeyPair("i", bad), bad);
                Check.Fails(Status.InvalidToken, () => Auth.FromToken(bad), bad);
                Check.Fails(Status.InvalidToken, () => token.UpdateToken(bad), bad);
                Check.Fails(Status.InvalidArgument, () => Auth.FromJson(bad), bad);
                Check.Fails(Status.InvalidArgument, () => Auth.FromArgs(new[] { "a", bad }), bad);
                Check.Fails(Status.InvalidArgument, () => Auth.Discover(new[] { bad }, out _), bad);
                Check.Fails(Status.InvalidArgument, () => Auth.FromParamFile(bad, "k"), bad);
                Check.Fails(Status.InvalidArgument, () => Auth.FromParamFile("p", bad), bad);
                Check.Fails(Status.InvalidMethod, () => auth.GetHeaders(bad, "/"), bad);
                Check.Fails(Status.InvalidUriByte, () => auth.GetHeaders("GET", bad), bad);
                Check.Fails(Status.InvalidMethod, () => auth.GetHeaderBlock(bad, "/"), bad);
                Check.Fails(Status.InvalidUriByte, () => auth.GetHeaderBlock("GET", bad), bad);
                Check.Fails(Status.InvalidArgument, () => token.Seal(bad), bad);
                Check.Fails(Status.SealInvalid, () => token.Unseal(bad), bad);
                Check.Fails(Status.InvalidArgument, () => token.ShareIn(bad), bad);
                Check.Fails(Status.InvalidArgument, () => token.ShareIn("/", bad), bad);
                Check.Fails(Status.InvalidArgument, () => token.Unseal("TC1.", bad), bad);
                Check.Fails(Status.InvalidMethod, () => Auth.StringToSign(bad, "/", Then), bad);
                Check.Fails(Status.InvalidUriByte, () => Auth.StringToSign("GET", bad, Then), bad);
                Check.Fails(Status.InvalidUriByte, () => auth.SetApiPath(bad), bad);
                Check.Fails(Status.InvalidUriByte, () => new UrlBuilder(bad), bad);
                Check.Fails(Status.InvalidUriByte, () => new UrlBuilder(auth, bad), bad);
                Check.Fails(Status.InvalidArgument, () => url.AddSegment(bad), bad);
                Check.Fails(Status.InvalidArgument, () => url.AddQuery(bad, "v"), bad);
                Check.Fails(Status.InvalidArgument, () => url.AddQuery("n", bad), bad);
                Check.Fails(Status.InvalidMethod, () => auth.Verify(bad, "/", "a", "1", TimeSpan.Zero), bad);
                Check.Fails(Status.InvalidUriByte, () => auth.Verify("GET", bad, "a", "1", TimeSpan.Zero), bad);
                Check.Fails(Status.MalformedAuthorization, () => auth.Verify("GET", "/", bad, "1", TimeSpan.Zero), bad);
                Check.Fails(Status.MalformedAuthorization, () => auth.Verify("GET", "/", "a", bad, TimeSpan.Zero), bad);
                Check.Fails(Status.MalformedAuthorization,
                    () => auth.Review(new Headers("TC " + bad, 1), 401, null, new byte[0]), bad);
                byte[] skewed = Encoding.UTF8.GetBytes("{\"message\": \"Timestamp out of acceptable time range\"}");
                Check.Equal(Advice.ClockSkew, auth.Review(new Headers("TC i:s", 1), 401, bad, skewed), bad);
            }
        }
    }

    [Test]
    public void Headers_of_no_request_are_refused()
    {
        Check.Throws<ArgumentOutOfRangeException>(() => new Headers("TC i:s", -1));
        Check.Equal<long?>(0, new Headers("TC i:s", 0).Timestamp);
    }

    [Test]
    public void Null_is_named()
    {
        using (Auth auth = KeyPair())
        using (var url = new UrlBuilder("/a"))
        {
            var calls = new Dictionary<string, Action>
            {
                { "accessId", () => Auth.FromKeyPair(null, "k") },
                { "secretKey", () => Auth.FromKeyPair("i", null) },
                { "token", () => Auth.FromToken(null) },
                { "json", () => Auth.FromJson(null) },
                { "args", () => Auth.FromArgs(null) },
                { "path", () => Auth.FromParamFile(null, "k") },
                { "key", () => Auth.FromParamFile("p", null) },
                { "method", () => auth.GetHeaders(null, "/") },
                { "uri", () => auth.GetHeaders("GET", null) },
                { "apiPath", () => auth.SetApiPath(null) },
                { "authorization", () => new Headers(null, 1) },
                { "sent", () => auth.Review(null, 200, null, new byte[0]) },
                { "body", () => auth.Review(new Headers("TC i:s", 1), 200, null, null) },
                { "start", () => new UrlBuilder(null) },
                { "auth", () => new UrlBuilder(null, "/") },
                { "segment", () => url.AddSegment(null) },
                { "name", () => url.AddQuery(null, "v") },
                { "value", () => url.AddQuery("n", null) },
                { "line", () => auth.Unseal(null) },
                { "directory", () => auth.ShareIn(null) },
                { "innerHandler", () =>
                    {
                        auth.SetApiPath("https://company.example/api");
                        new TcAuthHandler(auth, null);
                    } },
            };
            foreach (var call in calls)
                Check.Equal(call.Key, Check.Throws<ArgumentNullException>(call.Value, call.Key).ParamName);
            Check.Throws<ArgumentNullException>(() => Auth.FromArgs(new string[] { "a", null }));
            Check.Throws<ArgumentNullException>(() => Auth.Discover(null, out _));
            Check.Throws<ArgumentNullException>(() => new TcAuthHandler(null));
            Check.Throws<ArgumentNullException>(() => new TcAuthHandler(auth, null, null));
        }
    }

    [Test]
    public void Times_are_instants()
    {
        using (Auth auth = KeyPair())
        {
            var zone = new DateTimeOffset(2017, 12, 19, 22, 16, 27, 999, TimeSpan.FromHours(5));
            Check.Equal(1513703787, auth.GetHeaders("GET", "/", zone).Timestamp);
            foreach (long bad in new[] { -1, -2, 100000000000 })
            {
                DateTimeOffset time = DateTimeOffset.FromUnixTimeSeconds(bad);
                Check.Fails(Status.InvalidTime, () => auth.GetHeaders("GET", "/", time), bad.ToString());
                Check.Fails(Status.InvalidTime, () => Auth.StringToSign("GET", "/", time), bad.ToString());
                Check.Fails(Status.InvalidTime, () => Auth.FromToken("t", time), bad.ToString());
                Check.Fails(Status.InvalidTime, () => auth.Verify("GET", "/", "a", "1", TimeSpan.Zero, time), bad.ToString());
            }
            auth.ClockOffset = TimeSpan.FromSeconds(-3600.5);
            Check.Equal(TimeSpan.FromSeconds(-3601), auth.ClockOffset);
            Check.Fails(Status.InvalidArgument, () => auth.ClockOffset = TimeSpan.FromDays(1.1));
            Check.Fails(Status.InvalidArgument, () => auth.Verify("GET", "/", "a", "1", TimeSpan.MaxValue));
            Check.Fails(Status.WrongKind, () => auth.SetRenewalWindow(TimeSpan.Zero));
            Check.Fails(Status.WrongKind, () => auth.GetToken());
            Check.Fails(Status.InvalidArgument, () => auth.Poll(TimeSpan.FromMilliseconds(-1)));
            Check.Equal(null, auth.Poll(TimeSpan.MaxValue));
        }
    }

    [Test]
    public void A_token_is_read_and_replaced()
    {
        DateTimeOffset later = DateTimeOffset.FromUnixTimeSeconds(1900000000);
        using (Auth auth = Auth.FromToken(Token, later))
        {
            Check.Equal(Token, auth.GetToken().GetValue());
            Check.Equal(later, auth.GetToken().Expires);
            auth.UpdateToken("other");
            Check.Equal("other", auth.GetToken().GetValue());
            Check.Equal(null, auth.GetToken().Expires);
            auth.UpdateToken("other", Then);
            Check.Fails(Status.TokenExpired, () => auth.GetHeaders("GET", "/"));
            auth.SetRenewalWindow(TimeSpan.FromDays(1));
            Check.Fails(Status.InvalidArgument, () => auth.SetRenewalWindow(TimeSpan.FromDays(1.1)));
        }
    }

    [Test]
    public void A_block_is_the_lines_of_the_headers()
    {
        foreach (int length in new[] { 1, 500, 494, 495, 496, 100000 })
        {
            using (Auth auth = Auth.FromToken(new string('t', length)))
                Check.Equal("Authorization: TC-Token " + new string('t', length) + "\r\n", auth.GetHeaderBlock("GET", "/"));
        }
        using (Auth auth = KeyPair())
        {
            string[] lines = auth.GetHeaderBlock("get", "/api").Split(new[] { "\r\n" }, StringSplitOptions.None);
            Check.Equal(3, lines.Length);
            Check.Equal("", lines[2]);
            auth.Verify("GET", "/api", lines[0].Substring("Authorization: ".Length), lines[1].Substring("Timestamp: ".Length),
                TimeSpan.FromMinutes(1));
        }
    }

    [Test]
    public void A_sealed_token_reaches_the_family()
    {
        using (Auth first = Auth.FromToken(Token))
        using (Auth second = Auth.FromToken(Token))
        using (Auth stranger = Auth.FromToken("stranger"))
        {
            Check.Equal(first.GetFamily(), second.GetFamily());
            Check.Equal(32, first.GetFamily().Length);
            first.UpdateToken("newer", Then);
            string line = first.Seal("key");
            Check.Equal(line, first.Seal("key\nolder key"));
            Check.Equal(Unsealed.Adopted, second.Unseal(line, "other key\nkey"));
            Check.Equal("newer", second.GetToken().GetValue());
            Check.Equal(Unsealed.Same, second.Unseal(line, "key"));
            second.UpdateToken("newest");
            Check.Equal(Unsealed.Older, second.Unseal(line, "key"));
            Check.Fails(Status.SealInvalid, () => second.Unseal(line));
            Check.Fails(Status.SealInvalid, () => stranger.Unseal(line, "key"));
            Check.Fails(Status.SealVersion, () => second.Unseal(line.Replace("TC1.", "TC2."), "key"));
            Check.Fails(Status.InvalidArgument, () => second.Seal(""));
        }
    }

    [Test]
    public void The_state_of_a_token_is_told()
    {
        using (Auth auth = KeyPair())
        {
            Check.Equal((State.None, (TimeSpan?)TimeSpan.Zero), auth.GetTokenState());
            Check.Equal(null, auth.ApiPath);
            Check.Fails(Status.WrongKind, () => auth.GetRenewalWindow());
            Check.Fails(Status.WrongKind, () => auth.GetFamily());
            Check.Fails(Status.WrongKind, () => auth.Seal());
            Check.Fails(Status.WrongKind, () => auth.Unseal("TC1."));
        }
        using (Auth auth = Auth.FromToken(Token))
        {
            Check.Equal((State.NotRenewable, (TimeSpan?)null), auth.GetTokenState());
            auth.SetApiPath("https://company.example/api/");
            Check.Equal("https://company.example/api", auth.ApiPath);
            Check.Equal(TimeSpan.FromMinutes(1), auth.GetRenewalWindow());
            auth.SetRenewalWindow(TimeSpan.FromMinutes(2));
            Check.Equal(TimeSpan.FromMinutes(2), auth.GetRenewalWindow());
            Check.Equal((State.Valid, (TimeSpan?)null), auth.GetTokenState());
            auth.UpdateToken("due", Then);
            Check.Equal((State.Due, (TimeSpan?)TimeSpan.Zero), auth.GetTokenState());
            using (Renewal ticket = auth.Poll(TimeSpan.Zero))
            {
                Check.Equal((State.UnderWay, (TimeSpan?)TimeSpan.FromMinutes(2)), auth.GetTokenState());
                Check.True(ticket.IsNeeded(), "needed");
                auth.UpdateToken("replaced");
                Check.True(!ticket.IsNeeded(), "not any more");
                ticket.Cancel();
                Check.Throws<ObjectDisposedException>(() => ticket.IsNeeded());
            }
        }
    }

    [Test]
    public void A_ticket_is_given_back_once()
    {
        using (Auth auth = Auth.FromToken(Token, DateTimeOffset.UtcNow.AddSeconds(-1)))
        {
            auth.SetApiPath("https://company.example/api");
            Renewal renewal = auth.Poll(TimeSpan.Zero);
            Check.Equal("https://company.example/api/appAuth?expiredToken=" + Uri.EscapeDataString(Token), renewal.GetUrl());
            Check.Fails(Status.RenewalTimeout, () => auth.Poll(TimeSpan.FromMilliseconds(1)));
            Check.Throws<ArgumentNullException>(() => renewal.Complete(200, null));
            string answer = "{\"success\": true, \"apiToken\": \"new\", \"apiTokenExpires\": 1900000000}";
            Check.Equal(null, renewal.Complete(200, Encoding.UTF8.GetBytes(answer)));
            Check.Equal("new", auth.GetToken().GetValue());
            Check.Throws<ObjectDisposedException>(() => renewal.Complete(200, new byte[0]));
            Check.Throws<ObjectDisposedException>(() => renewal.GetUrl());
            renewal.Cancel();
            renewal.Dispose();

            auth.UpdateToken("newer", Then);
            byte[] refusal = Encoding.UTF8.GetBytes("{\"success\": false, \"message\": \"not newer\"}");
            var refused = Check.Throws<TcAuthException>(() => auth.Poll(TimeSpan.Zero).Complete(200, refusal));
            Check.Equal(Status.RenewalRefused, refused.Status);
            Check.Equal("not ***", refused.Detail);
            Check.Equal(Auth.StatusMessage(Status.RenewalRefused) + " (not ***)", refused.Message);

            auth.UpdateToken("newest", Then);
            using (auth.Poll(TimeSpan.Zero)) // cancelled: a pause begins
            {
            }
            Check.Equal(null, auth.Poll(TimeSpan.Zero));
        }
    }

    [Test]
    public void Credentials_are_found()
    {
        using (Auth auth = Auth.FromJson("{\"tc_token\": \"t\", \"tc_api_path\": \"https://company.example/api\"}"))
        using (var url = new UrlBuilder(auth, "/v3/groups"))
            Check.Equal("https://company.example/api/v3/groups?tql=a%20%3D%20%22%C3%A9%22",
                url.AddQuery("tql", "a = \"\u00e9\"").ToString());
        using (Auth auth = Auth.FromArgs(new[] { "--tc_token=t" }))
            Check.Equal(Kind.Token, auth.Kind);
        using (Auth.Discover(new[] { "--tc_token", "t" }, out string why))
            Check.True(why.Contains("tc_token"), why);
        var none = Check.Throws<TcAuthException>(() => Auth.Discover(new string[0], out _));
        Check.Equal(Status.NoCredentials, none.Status);
        Check.True(none.Detail.Length > 0 && none.Message.Contains(none.Detail), none.Message);
        Check.Fails(Status.NoCredentials, () => Auth.FromArgs(new string[0]));
        Check.Fails(Status.NoCredentials, () => Auth.FromEnvironment());
        Check.Fails(Status.ConfigIo, () => Auth.FromParamFile("/nowhere", "0123456789abcdef"));
    }

    [Test]
    public void Nothing_tells_a_secret()
    {
        using (Auth auth = Auth.FromToken(Token))
        {
            Check.True(!auth.ToString().Contains("secret") && auth.ToString() == auth.Describe(), auth.ToString());
            Check.True(!auth.GetHeaders("GET", "/").ToString().Contains("secret"), "Headers");
        }
        foreach (Action call in new Action[]
        {
            () => Auth.FromKeyPair("i", "secret\n"), () => Auth.FromToken("secret\n"), () => Auth.FromJson("secret"),
            () => Auth.FromArgs(new[] { "--tc_token=secret\n" }), () => Auth.FromParamFile("/nowhere", "secret"),
            () => Auth.FromKeyPair("i", "secret\0"), () => Auth.FromToken("secret\ud800"),
        })
        {
            string text = Check.Throws<TcAuthException>(call).ToString();
            Check.True(!text.Contains("secret\n") && !text.Contains("\"secret") && !text.Contains("secret\0"), text);
        }
    }

    /// <summary>Looks at memory that was freed. Another may have it by now, but would not write this word there.</summary>
    [Test]
    public unsafe void What_crosses_is_wiped()
    {
        string secret = string.Concat(Enumerable.Repeat("sesame!", 140));
        Type type = typeof(Auth).Assembly.GetType("TcAuth.Utf8");
        object text = Activator.CreateInstance(type, BindingFlags.NonPublic | BindingFlags.Instance, null,
            new object[] { secret, "name", Status.InvalidToken }, null);
        var pointer = (byte*)Pointer.Unbox(type.GetProperty("Pointer", BindingFlags.NonPublic | BindingFlags.Instance).GetValue(text));
        Check.Equal(secret, Encoding.UTF8.GetString(pointer, secret.Length));
        ((IDisposable)text).Dispose();
        Check.True(!Encoding.UTF8.GetString(pointer, secret.Length).Contains("sesame"), "wiped");
    }

    [Test]
    public void The_library_speaks()
    {
        Check.True(Version.TryParse(Auth.LibraryVersion, out _), Auth.LibraryVersion);
        Version version = Version.Parse(Auth.LibraryVersion);
        Check.Equal(version.Major << 16 | version.Minor << 8 | version.Build, Auth.LibraryVersionNumber);
        Check.True(Auth.StatusMessage((Status)12345).Length > 10, "an unknown status");
        Check.Equal("UNKNOWN", Auth.StatusName((Status)12345));
        Check.Equal("TOKEN_EXPIRED", Auth.StatusName(Status.TokenExpired));
        Check.Equal("TOKEN_REJECTED", Auth.AdviceName(Advice.TokenRejected));
        Check.True(Auth.AdviceMessage(Advice.Retry) != Auth.AdviceMessage((Advice)12345), "a sentence each");
        Check.Equal("12345", ((Status)12345).ToString());
    }

    [Test]
    public void A_URL_is_built()
    {
        using (var url = new UrlBuilder("/api"))
        {
            Check.Equal("/api/http%3A%2F%2Fevil%2Fa%3Fb?n=v%20w", url.AddSegment("http://evil/a?b").AddQuery("n", "v w").ToString());
            Check.Fails(Status.InvalidUriForm, () => url.AddSegment("late"));
            Check.Fails(Status.InvalidArgument, () => url.AddQuery("", "v"));
        }
    }
}
