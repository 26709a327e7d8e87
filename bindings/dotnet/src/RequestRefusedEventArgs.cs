using System;
using System.Net;
using System.Net.Http;

namespace TcAuth
{
    /// <summary>A refused request whose response is returned to the caller.</summary>
    public sealed class RequestRefusedEventArgs : EventArgs
    {
        internal RequestRefusedEventArgs(HttpRequestMessage request, Advice advice, HttpStatusCode httpStatusCode)
        {
            Request = request;
            Advice = advice;
            HttpStatusCode = httpStatusCode;
        }

        /// <summary>The request. Its Authorization header is a credential: do not log it.</summary>
        public HttpRequestMessage Request { get; }

        /// <summary>The reason. It is <see cref="TcAuth.Advice.Retry"/> if another attempt could help, but was not
        /// possible or was already made.</summary>
        public Advice Advice { get; }

        /// <summary>The status of the response.</summary>
        public HttpStatusCode HttpStatusCode { get; }
    }
}
