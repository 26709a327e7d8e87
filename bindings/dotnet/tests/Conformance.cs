using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using TcAuth;

/// <summary>
/// Lets another program drive the binding: one command per line on standard input, one answer per line on standard
/// output. Fields are separated by tabs and percent-encoded; "-" is an absent value.
/// </summary>
internal static class Conformance
{
    private static readonly Dictionary<string, Auth> Auths = new Dictionary<string, Auth>();
    private static readonly Dictionary<string, Renewal> Tickets = new Dictionary<string, Renewal>();
    private static readonly Dictionary<string, HttpClient> Clients = new Dictionary<string, HttpClient>();
    private static readonly Dictionary<string, List<string>> Events = new Dictionary<string, List<string>>();
    private static readonly Dictionary<string, Task<string[]>> Sends = new Dictionary<string, Task<string[]>>();

    /// <summary>An argument that the types of .NET can't express.</summary>
    private sealed class Skip : Exception
    {
        internal Skip(string why) : base(why)
        {
        }
    }

    /// <summary>The name and the number of arguments (* for any), and what to do.</summary>
    private static readonly Dictionary<string, Func<Field[], string[]>> Commands =
        new Dictionary<string, Func<Field[], string[]>>
        {
            { "hello 0", a => Ok(RuntimeInformation.FrameworkDescription.Split('(')[0].Trim(), Auth.LibraryVersion) },
            { "statuses 0", a => Values(typeof(Status)) },
            { "kinds 0", a => Values(typeof(Kind)) },
            { "advices 0", a => Values(typeof(Advice)) },
            { "states 0", a => Values(typeof(State)) },
            { "unsealeds 0", a => Values(typeof(Unsealed)) },
            { "status_name 1", a => Ok(Auth.StatusName((Status)a[0].Int)) },
            { "status_message 1", a => Ok(Auth.StatusMessage((Status)a[0].Int)) },
            { "advice_name 1", a => Ok(Auth.AdviceName((Advice)a[0].Int)) },
            { "advice_message 1", a => Ok(Auth.AdviceMessage((Advice)a[0].Int)) },
            { "version_number 0", a => Ok(Number(Auth.LibraryVersionNumber)) },

            { "new_hmac 3", a => Keep(a[0], Auth.FromKeyPair(a[1].Text, a[2].Text)) },
            { "new_token 3", a => Keep(a[0], Auth.FromToken(a[1].Text, a[2].Expiry)) },
            { "from_json 2", a => Keep(a[0], Auth.FromJson(a[1].Text)) },
            { "from_args *", a => Keep(a[0], Auth.FromArgs(Texts(a))) },
            { "from_env 1", a => Keep(a[0], Auth.FromEnvironment()) },
            { "from_param_file 3", a => Keep(a[0], Auth.FromParamFile(a[1].Text, a[2].Text)) },
            { "discover *", a => Keep(a[0], Auth.Discover(Texts(a), out string why), why) },
            { "close 1", a => Do(() => a[0].Auth.Dispose()) },
            { "kind 1", a => Ok(CName(a[0].Auth.Kind)) },
            { "describe 1", a => Ok(a[0].Auth.Describe()) },

            { "headers 4", a => HeaderFields(a[0].Auth.GetHeaders(a[1].Text, a[2].Text, a[3].TimeOrNow)) },
            { "header_block 3", a => Ok(a[0].Auth.GetHeaderBlock(a[1].Text, a[2].Text)) },
            { "string_to_sign 3", a => Ok(Auth.StringToSign(a[0].Text, a[1].Text, a[2].Time)) },
            { "set_api_path 2", a => Do(() => a[0].Auth.SetApiPath(a[1].Text)) },
            { "set_renewal_window 2", a => Do(() => a[0].Auth.SetRenewalWindow(a[1].Seconds)) },
            { "set_clock_offset 2", a => Do(() => a[0].Auth.ClockOffset = a[1].Seconds) },
            { "api_path 1", a => Ok(a[0].Auth.ApiPath) },
            { "renewal_window 1", a => Ok(Number((long)a[0].Auth.GetRenewalWindow().TotalSeconds)) },
            { "clock_offset 1", a => Ok(Number((long)a[0].Auth.ClockOffset.TotalSeconds)) },
            { "update_token 3", a => Do(() => a[0].Auth.UpdateToken(a[1].Text, a[2].Expiry)) },
            { "token 1", a => TokenFields(a[0].Auth.GetToken()) },
            { "token_state 1", a => StateFields(a[0].Auth.GetTokenState()) },
            { "family 1", a => Ok(a[0].Auth.GetFamily()) },
            { "seal 2", a => Ok(a[0].Auth.Seal(a[1].Text)) },
            { "share_in 3", a => Do(() => a[0].Auth.ShareIn(a[1].Text, a[2].Text)) },
            { "unseal 3", a => Ok(CName(a[0].Auth.Unseal(a[1].Text, a[2].Text))) },

            { "poll 2", a => Ok((Tickets[a[0].Text] = a[0].Auth.Poll(a[1].Milliseconds))?.GetUrl()) },
            { "complete 3", a => Complete(Tickets[a[0].Text], a[1].Int, a[2].Bytes) },
            { "needed 1", a => Ok(Tickets[a[0].Text].IsNeeded() ? "1" : "0") },
            { "cancel 1", a => Do(() => Tickets[a[0].Text].Cancel()) },
            { "review 6", a => Ok(Auth.AdviceName(a[0].Auth.Review(
                new Headers(a[1].Text, a[2].LongOrNull), a[3].Int, a[4].Text, a[5].Bytes))) },
            { "verify 7", a => Do(() => a[0].Auth.Verify(
                a[1].Text, a[2].Text, a[3].Text, a[4].Text, a[6].Seconds, a[5].TimeOrNow)) },

            { "url_new 1", a => Url(new UrlBuilder(a[0].Text), url => { }) },
            { "url_new_for 2", a => Url(new UrlBuilder(a[0].Auth, a[1].Text), url => { }) },
            { "url_add_segment 2", a => Url(new UrlBuilder(a[0].Text), url => url.AddSegment(a[1].Text)) },
            { "url_add_query 3", a => Url(new UrlBuilder(a[0].Text), url => url.AddQuery(a[1].Text, a[2].Text)) },

            { "client 2", a => Do(() => MakeClient(a[0], a[1].Text, inner => new TcAuthHandler(a[0].Auth, inner))) },
            { "client 4", a => Do(() => MakeClient(a[0], a[1].Text,
                inner => new TcAuthHandler(a[0].Auth, inner, a[2].Text, a[3].Text))) },
            { "send 4", a => Send(a, body => new ByteArrayContent(body)).Result },
            { "send_once 4", a => Send(a, body => new StreamContent(new Once(body))).Result },
            { "start 3", a => Do(() => Sends[a[0].Text] = Task.Run(() => Send(a, body => new ByteArrayContent(body)))) },
            { "finish 1", a => Sends[a[0].Text].Result },
            { "storm 4", a => Storm(Clients[a[0].Text], a[1].Text, a[2].Int, a[3].Seconds) },
            { "storm 5", a => Storm(Clients[a[0].Text], a[1].Text, a[2].Int, a[3].Seconds, a[4].Text) },
            { "events 1", a => TakeEvents(Events[a[0].Text]) },
        };

    private static void Main()
    {
        ServicePointManager.DefaultConnectionLimit = 100; // mono, like .NET Framework, has two
        var input = new StreamReader(Console.OpenStandardInput(), Encoding.ASCII);
        Stream output = Console.OpenStandardOutput();
        for (string line; (line = input.ReadLine()) != null;)
        {
            string[] fields = line.Split('\t');
            byte[] answer = Encoding.ASCII.GetBytes(string.Join("\t", Answer(fields).Select(Encode)) + "\n");
            output.Write(answer, 0, answer.Length);
            output.Flush();
        }
    }

    private static string[] Answer(string[] fields)
    {
        try
        {
            Field[] arguments = fields.Skip(1).Select(field => new Field(field)).ToArray();
            if (!Commands.TryGetValue(fields[0] + " " + arguments.Length, out var command)
                && !Commands.TryGetValue(fields[0] + " *", out command))
                return new[] { "ERROR", "no such command, or another number of arguments" };
            return command(arguments);
        }
        catch (Exception e)
        {
            return Failure(e is AggregateException ? e.GetBaseException() : e);
        }
    }

    private static string[] Failure(Exception e)
    {
        if (e is Skip)
            return new[] { "SKIP", e.Message };
        if (e is TcAuthException failed)
            return new[] { Auth.StatusName(failed.Status), failed.Detail }.Take(failed.Detail == null ? 1 : 2).ToArray();
        return new[] { "ERROR", e.GetType().Name + ": " + e.Message };
    }

    private static string[] Ok(params string[] fields) => new[] { "OK" }.Concat(fields).ToArray();

    private static string[] Do(Action action)
    {
        action();
        return Ok();
    }

    private static string[] Keep(Field name, Auth auth, string why = null)
    {
        if (Auths.TryGetValue(name.Text, out Auth old))
            old.Dispose();
        Auths[name.Text] = auth;
        return why == null ? Ok() : Ok(why);
    }

    private static string[] Texts(Field[] fields) => fields.Skip(1).Select(field => field.Text).ToArray();

    private static string[] HeaderFields(Headers headers) =>
        Ok(headers.GetAuthorization(), headers.Timestamp == null ? null : Number(headers.Timestamp.Value));

    private static string[] TokenFields(Token token) =>
        Ok(token.GetValue(), Number(token.Expires?.ToUnixTimeSeconds() ?? 0));

    private static string[] StateFields((State State, TimeSpan? Left) pair) =>
        Ok(CName(pair.State), Number((long?)pair.Left?.TotalSeconds ?? -1));

    private static string[] Complete(Renewal ticket, int httpStatus, byte[] body)
    {
        try
        {
            return Ok(ticket.Complete(httpStatus, body));
        }
        catch (TcAuthException e)
        {
            return new[] { Auth.StatusName(e.Status), e.Detail }; // absent is told, too
        }
    }

    private static string[] Url(UrlBuilder url, Action<UrlBuilder> change)
    {
        using (url)
        {
            change(url);
            return Ok(url.ToString());
        }
    }

    private static void MakeClient(Field name, string caFile, Func<HttpMessageHandler, TcAuthHandler> make)
    {
        var inner = new HttpClientHandler { AllowAutoRedirect = false };
        if (caFile != null)
        {
            byte[] trusted = new X509Certificate2(caFile).RawData;
            inner.ServerCertificateCustomValidationCallback = (request, certificate, chain, errors) =>
                (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0 && (certificate.RawData.SequenceEqual(trusted)
                    || chain.ChainElements.Cast<X509ChainElement>().Any(element => element.Certificate.RawData.SequenceEqual(trusted)));
        }
        var events = new List<string>();
        TcAuthHandler handler = make(inner);
        handler.RenewalFinished += (sender, e) => Add(events,
            e.Status == null ? "renewal CANCELLED" : $"renewal {Auth.StatusName(e.Status.Value)} {e.Message}".TrimEnd());
        handler.TokenAdopted += (sender, e) => Add(events, "adopted");
        handler.RequestRetried += (sender, e) => Add(events, $"retried {Auth.AdviceName(e.Advice)} {(int)e.HttpStatusCode}");
        handler.RequestRefused += (sender, e) => Add(events, $"refused {Auth.AdviceName(e.Advice)} {(int)e.HttpStatusCode}");
        Clients[name.Text] = new HttpClient(handler);
        Events[name.Text] = events;
    }

    private static void Add(List<string> events, string line)
    {
        lock (events)
            events.Add(line);
    }

    private static string[] TakeEvents(List<string> events)
    {
        lock (events)
        {
            string[] taken = Ok(events.ToArray());
            events.Clear();
            return taken;
        }
    }

    private static async Task<string[]> Send(Field[] a, Func<byte[], HttpContent> content)
    {
        try
        {
            var request = new HttpRequestMessage(new HttpMethod(a[1].Text), a[2].Text);
            byte[] body = a.Length > 3 ? a[3].Bytes : null;
            if (body != null)
                request.Content = content(body);
            using (HttpResponseMessage response = await Clients[a[0].Text].SendAsync(request))
                return Ok(Number((int)response.StatusCode), await response.Content.ReadAsStringAsync());
        }
        catch (Exception e)
        {
            return Failure(e);
        }
    }

    private static string[] Storm(HttpClient client, string url, int threads, TimeSpan time, string rejectingUrl = null)
    {
        DateTime ends = DateTime.UtcNow + time;
        int requests = 0, rejected = 0, failed = 0;
        List<Thread> all = Enumerable.Range(0, threads).Select(i => new Thread(() =>
            SendUntil(ends, client, url, HttpStatusCode.OK, ref requests, ref failed))).ToList();
        if (rejectingUrl != null)
            all.Add(new Thread(() =>
                SendUntil(ends, client, rejectingUrl, HttpStatusCode.Unauthorized, ref rejected, ref failed)));
        foreach (Thread thread in all)
            thread.Start();
        foreach (Thread thread in all)
            thread.Join();
        return rejectingUrl == null
            ? Ok(Number(requests), Number(failed)) : Ok(Number(requests), Number(failed), Number(rejected));
    }

    private static void SendUntil(
        DateTime ends, HttpClient client, string url, HttpStatusCode expected, ref int sent, ref int failed)
    {
        while (DateTime.UtcNow < ends)
        {
            Interlocked.Increment(ref sent);
            try
            {
                using (HttpResponseMessage response = client.GetAsync(url).Result)
                {
                    if (response.StatusCode != expected)
                        Interlocked.Increment(ref failed);
                }
            }
            catch (AggregateException)
            {
                Interlocked.Increment(ref failed);
            }
        }
    }

    private static string[] Values(Type type) =>
        Ok(Enum.GetValues(type).Cast<Enum>().Select(value => CName(value) + "=" + value.ToString("d")).ToArray());

    /// <summary>InvalidUriForm is INVALID_URI_FORM in C.</summary>
    private static string CName(Enum value) => Regex.Replace(value.ToString(), "(?<!^)([A-Z])", "_$1").ToUpperInvariant();

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Encode(string text)
    {
        if (text == null)
            return "-";
        var encoded = new StringBuilder();
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            if (value > 0x20 && value < 0x7f && value != '%' && (value != '-' || text.Length > 1))
                encoded.Append((char)value);
            else
                encoded.Append('%').Append(value.ToString("X2"));
        }
        return encoded.ToString();
    }

    /// <summary>One argument, read as what the command wants.</summary>
    private sealed class Field
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        internal Field(string encoded)
        {
            if (encoded == "-")
                return;
            var bytes = new MemoryStream(encoded.Length);
            for (int i = 0; i < encoded.Length; i++)
            {
                if (encoded[i] != '%')
                {
                    bytes.WriteByte((byte)encoded[i]);
                    continue;
                }
                bytes.WriteByte(Convert.ToByte(encoded.Substring(i + 1, 2), 16));
                i += 2;
            }
            Bytes = bytes.ToArray();
        }

        /// <summary>Null if the field is absent.</summary>
        internal byte[] Bytes { get; }

        internal string Text
        {
            get
            {
                try
                {
                    return Bytes == null ? null : Strict.GetString(Bytes);
                }
                catch (DecoderFallbackException)
                {
                    throw new Skip("a string of .NET can't hold bytes that are not UTF-8");
                }
            }
        }

        internal Auth Auth => Auths[Text];

        internal long Long => long.Parse(Text, CultureInfo.InvariantCulture);

        internal long? LongOrNull => Bytes == null ? (long?)null : Long;

        internal int Int => checked((int)Long);

        internal TimeSpan Seconds => Span(TimeSpan.TicksPerSecond);

        internal TimeSpan Milliseconds => Span(TimeSpan.TicksPerMillisecond);

        internal DateTimeOffset Time
        {
            get
            {
                try
                {
                    return DateTimeOffset.FromUnixTimeSeconds(Long);
                }
                catch (ArgumentOutOfRangeException)
                {
                    throw new Skip("a DateTimeOffset can't hold this time");
                }
            }
        }

        internal DateTimeOffset? TimeOrNow => Long == -1 ? (DateTimeOffset?)null : Time;

        internal DateTimeOffset? Expiry => Long == 0 ? (DateTimeOffset?)null : Time;

        private TimeSpan Span(long ticks)
        {
            try
            {
                return new TimeSpan(checked(Long * ticks));
            }
            catch (OverflowException)
            {
                throw new Skip("a TimeSpan can't hold this time");
            }
        }
    }

    /// <summary>A body that can't be read twice.</summary>
    private sealed class Once : MemoryStream
    {
        internal Once(byte[] body) : base(body)
        {
        }

        public override bool CanSeek => false;
    }
}
