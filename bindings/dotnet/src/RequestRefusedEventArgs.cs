using System;
using System.Net;
using System.Net.Http;

namespace TcAuth
{
    /// <summary>A request that the server refused. It contains no secrets and can be logged.</summary>
    public sealed class RequestRefusedEventArgs : EventArgs
    {
        internal RequestRefusedEventArgs(HttpRequestMessage request, Advice advice, HttpStatusCode httpStatusCode)
        {
            Method = request.Method.Method;
            Url = request.RequestUri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
            Advice = advice;
            HttpStatusCode = httpStatusCode;
        }

        /// <summary>The method of the request.</summary>
        public string Method { get; }

        /// <summary>Its URL without the query, which may contain what is not for a log.</summary>
        public string Url { get; }

        /// <summary>The reason. If the request was refused for good and this is <see cref="TcAuth.Advice.Retry"/>, another
        /// attempt could help, but was not possible or was already made.</summary>
        public Advice Advice { get; }

        /// <summary>The status of the response.</summary>
        public HttpStatusCode HttpStatusCode { get; }

        /// <summary>A line for a log.</summary>
        public override string ToString() => $"{Method} {Url}: {(int)HttpStatusCode}, {Auth.AdviceName(Advice)}";
    }
}
